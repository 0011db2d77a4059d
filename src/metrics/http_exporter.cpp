// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_exporter.hpp"

#include "hpfeeds/error.hpp"
#include "metrics/http_request.hpp"
#include "metrics/limits.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace hpfeeds::metrics {
namespace {

using Clock = std::chrono::steady_clock;

class Descriptor {
public:
    explicit Descriptor(int number = -1) noexcept : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    [[nodiscard]] int number() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }

private:
    int number_;
};

std::string system_text(int error) {
    return std::generic_category().message(error);
}

[[noreturn]] void refuse(const std::string& host, std::uint16_t port, const std::string& why) {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    throw Error("--exporter: cannot listen on " + (is_ipv6 ? "[" + host + "]" : host) + ":" +
                std::to_string(port) + ": " + why +
                "; give another HOST:PORT, or stop what listens there");
}

// A socket that listens on `address`, or none, with errno saying why.
Descriptor listen_on(const addrinfo& address) {
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    Descriptor socket(::socket(address.ai_family, address.ai_socktype | flags, 0));
    if (!socket) return socket;
    const int on = 1;
    const int off = 0;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ai_family == AF_INET6)  // `::` means IPv4 as well, whatever the system's habit
        ::setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(socket.number(), address.ai_addr, address.ai_addrlen) != 0 ||
        ::listen(socket.number(), http_backlog) != 0) {
        const int why = errno;
        socket = Descriptor();
        errno = why;
    }
    return socket;
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolve(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                    std::to_string(port).c_str(), &hints, &found);
    if (error != 0) refuse(host, port, ::gai_strerror(error));
    return {found, ::freeaddrinfo};
}

// Listens on the first address of `host` that can be; for an empty host that is `::` where there is
// IPv6, which means IPv4 too.
Descriptor open_listener(const std::string& host, std::uint16_t port) {
    const Addresses addresses = resolve(host, port);
    int why = 0;
    for (const bool only_ipv6 : {true, false}) {
        for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
            if (only_ipv6 && (!host.empty() || address->ai_family != AF_INET6)) continue;
            if (Descriptor socket = listen_on(*address)) return socket;
            why = errno;
        }
    }
    refuse(host, port, system_text(why));
}

std::uint16_t port_of(const Descriptor& socket) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &length);
    if (address.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

// Apart, because a body may have megabytes.
struct HttpAnswer {
    std::string head;
    std::string body;
};

HttpAnswer http_answer(std::string_view status, std::string_view type, std::string body,
                       std::string_view more_headers = "") {
    std::string out;
    out.append("HTTP/1.1 ").append(status);
    out.append("\r\nContent-Type: ").append(type);
    out.append("\r\nContent-Length: ").append(std::to_string(body.size()));
    out.append("\r\nCache-Control: no-store\r\nConnection: close\r\n");
    out.append(more_headers).append("\r\n");
    return {std::move(out), std::move(body)};
}

std::string_view status_line(Response::Status status) noexcept {
    switch (status) {
        case Response::Status::ok:
            return "200 OK";
        case Response::Status::bad_request:
            return "400 Bad Request";
        case Response::Status::not_found:
            return "404 Not Found";
        default:
            return "503 Service Unavailable";
    }
}

HttpAnswer page_answer(const Page& page, std::string_view query) {
    try {
        Response made = page.answer(query);
        return http_answer(status_line(made.status), made.type, std::move(made.body));
    } catch (const std::exception& error) {
        return http_answer("500 Internal Server Error", plain_text,
                           "This page could not be made: " + std::string(error.what()) + "\n");
    }
}

std::string not_found(const std::vector<Page>& pages) {
    std::string body = "There is here:";
    for (const Page& page : pages)
        body.append(" ").append(page.path);
    return body + "\n";
}

HttpAnswer answer(const Request& request, const std::vector<Page>& pages) {
    if (request.outcome == Request::Outcome::too_long)
        return http_answer("431 Request Header Fields Too Large", plain_text,
                           "The request is too long.\n");
    if (request.outcome == Request::Outcome::malformed)
        return http_answer("400 Bad Request", plain_text, "This is not an HTTP/1 request.\n");
    // The answer to HEAD may say what it will about a body, but must not have one.
    const bool bodiless = request.method == "HEAD";
    const auto page = std::find_if(pages.begin(), pages.end(),
                                   [&](const Page& each) { return each.path == request.path; });
    if (page == pages.end())
        return http_answer("404 Not Found", plain_text, bodiless ? "" : not_found(pages));
    if (request.method != "GET")
        return http_answer("405 Method Not Allowed", plain_text, bodiless ? "" : "Use GET.\n",
                           "Allow: GET\r\n");
    return page_answer(*page, request.query);
}

// One connection: its request comes, its answer goes, then the peer closes.
class Client {
public:
    Client(Descriptor socket, Clock::time_point now)
        : socket_(std::move(socket)), deadline_(now + http_stage_deadline), moved_(now) {}

    [[nodiscard]] int number() const noexcept { return socket_.number(); }
    [[nodiscard]] short awaited() const noexcept {
        return stage_ == Stage::writing ? POLLOUT : POLLIN;
    }
    [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool over() const noexcept { return stage_ == Stage::over; }
    [[nodiscard]] bool late(Clock::time_point now) const noexcept { return now >= deadline_; }
    // Since when it keeps us waiting.
    [[nodiscard]] Clock::time_point waiting_since() const noexcept { return moved_; }
    // From when on another one may have its place.
    [[nodiscard]] Clock::time_point gives_way_at() const noexcept {
        return stage_ == Stage::writing ? moved_ + http_reader_patience : Clock::time_point::min();
    }

    void go_on(const std::vector<Page>& pages, Clock::time_point now) {
        if (stage_ == Stage::reading) read(pages, now);
        if (stage_ == Stage::writing) write(now);
        if (stage_ == Stage::closing) discard();
    }

private:
    enum class Stage : std::uint8_t { reading, writing, closing, over };

    void read(const std::vector<Page>& pages, Clock::time_point now) {
        std::array<char, request_bytes_max> bytes;
        const ssize_t count =
            ::recv(socket_.number(), bytes.data(), request_bytes_max - request_.size(), 0);
        if (count <= 0) {
            if (count == 0 || !may_try_again()) stage_ = Stage::over;
            return;
        }
        request_.append(bytes.data(), static_cast<std::size_t>(count));
        const Request request = parse_request(request_);
        if (request.outcome == Request::Outcome::incomplete) return;
        answer_ = answer(request, pages);
        enter(Stage::writing, now, http_stage_deadline);
    }

    void write(Clock::time_point now) {
        while (sent_ < answer_.head.size() + answer_.body.size()) {
            const bool in_head = sent_ < answer_.head.size();
            const std::string_view rest =
                in_head ? std::string_view(answer_.head).substr(sent_)
                        : std::string_view(answer_.body).substr(sent_ - answer_.head.size());
            const int more = in_head && !answer_.body.empty() ? MSG_MORE : 0;
            const ssize_t count =
                ::send(socket_.number(), rest.data(), rest.size(), MSG_NOSIGNAL | more);
            if (count < 0) {
                if (!may_try_again()) stage_ = Stage::over;
                return;
            }
            sent_ += static_cast<std::size_t>(count);
            moved_ = now;
        }
        answer_ = {};
        ::shutdown(socket_.number(), SHUT_WR);
        enter(Stage::closing, now, http_close_deadline);
    }

    // One read a turn, so that a peer which never stops sending cannot hold the thread.
    void discard() {
        std::array<char, request_bytes_max> bytes;
        const ssize_t count = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
        if (count == 0 || (count < 0 && !may_try_again())) stage_ = Stage::over;
    }

    static bool may_try_again() noexcept {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    }

    void enter(Stage stage, Clock::time_point now, std::chrono::milliseconds patience) noexcept {
        stage_ = stage;
        moved_ = now;
        deadline_ = now + patience;
    }

    Descriptor socket_;
    Clock::time_point deadline_;
    Clock::time_point moved_;  // when its stage began, or the answer went on
    Stage stage_ = Stage::reading;
    std::string request_;
    HttpAnswer answer_;
    std::size_t sent_ = 0;
};

// Signals are for the main thread: whoever starts a thread under this gives it none.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

}  // namespace

class HttpExporter::Server {
public:
    Server(Descriptor listener, std::vector<Page> pages, ExporterCounters* counters)
        : listener_(std::move(listener)),
          stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          pages_(std::move(pages)),
          counters_(counters ? counters : &unread_counters_) {
        if (!stop_) throw Error("--exporter: cannot create an eventfd: " + system_text(errno));
        const SignalsBlocked blocked;
        thread_ = std::thread([this] { run(); });
    }
    ~Server() {
        ::eventfd_write(stop_.number(), 1);
        thread_.join();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] int listener() const noexcept { return listener_.number(); }

private:
    void run() {
        // Monitoring takes the time that messages leave. On Linux this is of this thread alone.
        constexpr int nice = 5;
        ::setpriority(PRIO_PROCESS, 0, nice);
        while (wait()) {
            const Clock::time_point now = Clock::now();
            // polled_ holds the stop, the listener, then the clients in their order.
            for (std::size_t index = 0; index < clients_.size(); ++index)
                if (polled_[2 + index].revents != 0) clients_[index].go_on(pages_, now);
            std::erase_if(clients_, [&](const Client& client) {
                if (client.late(now) && !client.over()) counters_->too_slow.increment();
                return client.over() || client.late(now);
            });
            if (polled_[1].revents != 0) accept(now);
        }
    }

    // Sleeps until something can be done; false when it is time to end.
    bool wait() {
        const Clock::time_point now = Clock::now();
        const bool accepting = now >= accept_again_ && now >= place_at();
        polled_.clear();
        polled_.push_back({stop_.number(), POLLIN, 0});
        polled_.push_back({accepting ? listener_.number() : -1, POLLIN, 0});
        for (const Client& client : clients_)
            polled_.push_back({client.number(), client.awaited(), 0});
        const int ready = ::poll(polled_.data(), polled_.size(), timeout(now));
        if (ready < 0)
            for (pollfd& entry : polled_)
                entry.revents = 0;
        return polled_[0].revents == 0;
    }

    // Milliseconds to the next deadline, rounded up; -1 when there is none.
    [[nodiscard]] int timeout(Clock::time_point now) const {
        auto next = Clock::time_point::max();
        for (const Clock::time_point other : {accept_again_, place_at()})
            if (now < other) next = std::min(next, other);
        for (const Client& client : clients_)
            next = std::min(next, client.deadline());
        if (next == Clock::time_point::max()) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
        return static_cast<int>(std::max<decltype(left)>(left, 0));
    }

    // From when on one more can be accepted.
    [[nodiscard]] Clock::time_point place_at() const noexcept {
        auto first = Clock::time_point::min();
        if (clients_.size() < http_connections_max) return first;
        first = Clock::time_point::max();
        for (const Client& client : clients_)
            first = std::min(first, client.gives_way_at());
        return first;
    }

    // Of those that may give way, the one that keeps us waiting longest.
    void make_room(Clock::time_point now) {
        auto longest = clients_.end();
        for (auto client = clients_.begin(); client != clients_.end(); ++client)
            if (client->gives_way_at() <= now &&
                (longest == clients_.end() || client->waiting_since() < longest->waiting_since()))
                longest = client;
        if (longest == clients_.end()) return;
        counters_->crowded_out.increment();
        clients_.erase(longest);
    }

    // The request has often come with the connection: then it is answered, however many others
    // come.
    void accept(Clock::time_point now) {
        Descriptor socket(
            ::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket) {
            if (clients_.size() >= http_connections_max) make_room(now);
            clients_.emplace_back(std::move(socket), now).go_on(pages_, now);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            accept_again_ = now + http_accept_pause;
        }
    }

    Descriptor listener_;
    Descriptor stop_;
    std::vector<Page> pages_;
    ExporterCounters unread_counters_;
    ExporterCounters* counters_;
    std::vector<Client> clients_;
    std::vector<pollfd> polled_;
    Clock::time_point accept_again_{};
    std::thread thread_;  // last: it uses all of the above
};

HttpExporter::HttpExporter(const std::string& host, std::uint16_t port, std::vector<Page> pages,
                           ExporterCounters* counters) {
    Descriptor listener = open_listener(host, port);
    port_ = port_of(listener);
    server_ = std::make_unique<Server>(std::move(listener), std::move(pages), counters);
}

HttpExporter::HttpExporter(int listener, std::vector<Page> pages, ExporterCounters* counters) {
    Descriptor adopted(listener);
    port_ = port_of(adopted);
    server_ = std::make_unique<Server>(std::move(adopted), std::move(pages), counters);
}

int HttpExporter::listener() const noexcept {
    return server_->listener();
}

HttpExporter::~HttpExporter() = default;

}  // namespace hpfeeds::metrics
