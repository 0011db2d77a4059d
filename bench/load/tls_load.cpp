// SPDX-License-Identifier: Apache-2.0
// tls_load.cpp: puts load on an hpfeeds or a NATS broker over TLS, and checks what it delivers.
//
//   tls_load run        P publishers to S subscribers, as fast as the broker takes and gives
//   tls_load handshakes full handshakes, one after the other, as fast as the server does them
//
// Every message carries its publisher and a sequence number; every subscriber checks every
// publisher's sequence, so loss, repetition and disorder are counted. The figure to compare is the
// broker's CPU time, from its process's CPU clock, per delivery or per handshake: generator and
// broker share the machine. One thread; the same code for every broker.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

struct Options {
    std::string mode = "run";
    std::string protocol = "hpfeeds";
    std::string ciphersuite = "TLS_AES_128_GCM_SHA256";
    bool plain = false;
    int port = 0;
    int pid = 0;
    unsigned publishers = 1;
    unsigned subscribers = 1;
    std::size_t payload_bytes = 100;
    double seconds = 4;
};

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "tls_load: %s\n", why.c_str());
    std::exit(2);
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double cpu_seconds(int pid) {
    if (pid == 0) return 0;
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        die("no CPU clock of process " + std::to_string(pid));
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Context make_context(const Options& options) {
    Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context.get(), options.ciphersuite.c_str());
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_default_read_buffer_len(context.get(), 64 * 1024);
    return context;
}

// ---- one connection: blocking while it is set up, then not

class Connection {
public:
    Connection(const Options& options, SSL_CTX* context) {
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(options.port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int one = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
            die("cannot connect to port " + std::to_string(options.port));
        // A NATS server greets in plaintext, and says that it wants TLS.
        if (options.protocol == "nats" && !options.plain) (void)read_line();
        if (!options.plain) start_tls(context);
    }
    ~Connection() {
        if (ssl_) SSL_free(ssl_);
        ::close(socket_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int descriptor() const { return socket_; }
    void stop_waiting() const { fcntl(socket_, F_SETFL, O_NONBLOCK); }

    // Bytes taken or given; 0: would wait; -1: over.
    ssize_t write(const char* bytes, std::size_t count) {
        if (!ssl_) return result(::send(socket_, bytes, count, MSG_NOSIGNAL));
        std::size_t done = 0;
        if (SSL_write_ex(ssl_, bytes, count, &done) == 1) return static_cast<ssize_t>(done);
        return tls_result();
    }
    ssize_t read(char* room, std::size_t count) {
        if (!ssl_) {
            const ssize_t got = ::recv(socket_, room, count, 0);
            return got == 0 ? -1 : result(got);
        }
        std::size_t done = 0;
        if (SSL_read_ex(ssl_, room, count, &done) == 1) return static_cast<ssize_t>(done);
        return tls_result();
    }
    void write_all(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = write(bytes.data(), bytes.size());
            if (count <= 0) die("cannot write to the broker");
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }
    std::string read_some() {
        std::string text(4096, '\0');
        const ssize_t count = read(text.data(), text.size());
        if (count <= 0) die("the broker closed the connection");
        text.resize(static_cast<std::size_t>(count));
        return text;
    }

private:
    static ssize_t result(ssize_t moved) {
        if (moved >= 0) return moved;
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    ssize_t tls_result() {
        const int error = SSL_get_error(ssl_, 0);
        ERR_clear_error();
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    std::string read_line() const {
        std::string line;
        for (char byte = 0; byte != '\n'; line += byte)
            if (::recv(socket_, &byte, 1, 0) != 1) die("no greeting");
        return line;
    }
    void start_tls(SSL_CTX* context) {
        ssl_ = SSL_new(context);
        SSL_set_fd(ssl_, socket_);
        if (SSL_connect(ssl_) != 1) die("the TLS handshake failed");
    }

    int socket_ = -1;
    SSL* ssl_ = nullptr;
};

// ---- the two protocols

struct Stamp {
    std::uint32_t publisher;
    std::uint32_t magic;
    std::uint64_t number;
};
constexpr std::uint32_t stamp_magic = 0x68706664;

void put_u32(std::string& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(value >> shift & 0xFF);
}

std::string hpfeeds_frame(char opcode, const std::string& body) {
    std::string frame;
    put_u32(frame, body.size() + 5);
    return frame + opcode + body;
}

class Protocol {
public:
    explicit Protocol(const Options& options) : nats_(options.protocol == "nats") {
        const std::string payload(options.payload_bytes, 'p');
        if (nats_) {
            message_ = "PUB bench " + std::to_string(payload.size()) + "\r\n";
            stamp_offset_ = message_.size();
            message_ += payload + "\r\n";
        } else {
            const std::string head = std::string(1, 5) + "bench" + std::string(1, 5) + "bench";
            stamp_offset_ = 5 + head.size();
            message_ = hpfeeds_frame(3, head + payload);
        }
    }

    void log_in(Connection& connection, bool plain) const {
        if (nats_) {
            if (plain) (void)connection.read_some();
            connection.write_all(
                "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\"}\r\nPING\r\n");
            while (connection.read_some().find("PONG") == std::string::npos) {
            }
            return;
        }
        std::string info = connection.read_some();
        const std::string nonce = info.substr(info.size() - 4);
        const std::string secret = nonce + "bench";
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned bytes = 0;
        EVP_Digest(secret.data(), secret.size(), digest.data(), &bytes, EVP_sha1(), nullptr);
        connection.write_all(
            hpfeeds_frame(2, std::string(1, 5) + "bench" +
                                 std::string(reinterpret_cast<const char*>(digest.data()), bytes)));
    }
    void subscribe(Connection& connection) const {
        connection.write_all(nats_ ? std::string("SUB bench 1\r\n")
                                   : hpfeeds_frame(4, std::string(1, 5) + "benchbench"));
    }

    [[nodiscard]] const std::string& message() const { return message_; }
    [[nodiscard]] std::size_t stamp_offset() const { return stamp_offset_; }

    // How long the first thing in `unread` is, 0 if it is not whole; where its stamp is, 0 if it is
    // no message.
    std::pair<std::size_t, std::size_t> cut(std::string_view unread) const {
        if (!nats_) {
            if (unread.size() < 5) return {0, 0};
            std::size_t length = 0;
            for (std::size_t i = 0; i < 4; ++i)
                length = length << 8 | static_cast<unsigned char>(unread[i]);
            if (unread.size() < length) return {0, 0};
            if (unread[4] != 3)
                die("the broker says: " + std::string(unread.substr(5, length - 5)));
            return {length, stamp_offset_};
        }
        const std::size_t end = unread.find('\n');
        if (end == std::string_view::npos) return {0, 0};
        if (!unread.starts_with("MSG ")) {
            if (unread.starts_with("-ERR")) die(std::string(unread.substr(0, end)));
            return {end + 1, 0};
        }
        std::size_t size = 0, factor = 1;
        for (std::size_t at = end - 2; unread[at] != ' '; --at, factor *= 10)
            size += static_cast<std::size_t>(unread[at] - '0') * factor;
        const std::size_t length = end + 1 + size + 2;
        return unread.size() < length ? std::pair<std::size_t, std::size_t>{0, 0}
                                      : std::pair<std::size_t, std::size_t>{length, end + 1};
    }

private:
    bool nats_;
    std::string message_;
    std::size_t stamp_offset_ = 0;
};

// ---- publishers and subscribers

constexpr std::size_t batch_bytes = 64 * 1024;

class Publisher {
public:
    Publisher(std::unique_ptr<Connection> connection, const Protocol& protocol,
              std::uint32_t number)
        : connection_(std::move(connection)), protocol_(&protocol), number_(number) {
        count_ = std::max<std::size_t>(1, batch_bytes / protocol.message().size());
        for (std::size_t i = 0; i < count_; ++i)
            batch_ += protocol.message();
        sent_ = batch_.size();
    }
    [[nodiscard]] Connection& connection() { return *connection_; }
    [[nodiscard]] std::uint64_t published() const { return published_; }
    // A message outside of the sequence, to see who is there.
    void probe() {
        std::string message = protocol_->message();
        stamp(message, 0, 0);
        connection_->write_all(message);
    }
    // Whether something is left of the last batch.
    [[nodiscard]] bool in_the_middle() const { return sent_ < batch_.size(); }
    void write(bool begin_another) {
        if (sent_ == batch_.size()) {
            if (!begin_another) return;
            for (std::size_t i = 0; i < count_; ++i)
                stamp(batch_, i * protocol_->message().size(), ++published_);
            sent_ = 0;
        }
        const ssize_t count = connection_->write(batch_.data() + sent_, batch_.size() - sent_);
        if (count < 0) die("the broker cut a publisher");
        sent_ += static_cast<std::size_t>(count);
    }

private:
    void stamp(std::string& text, std::size_t at, std::uint64_t number) const {
        const Stamp value{number_, stamp_magic, number};
        std::memcpy(text.data() + at + protocol_->stamp_offset(), &value, sizeof value);
    }
    std::unique_ptr<Connection> connection_;
    const Protocol* protocol_;
    std::uint32_t number_;
    std::string batch_;
    std::size_t count_ = 0;
    std::size_t sent_ = 0;
    std::uint64_t published_ = 0;
};

class Subscriber {
public:
    Subscriber(std::unique_ptr<Connection> connection, const Protocol& protocol,
               std::size_t publishers)
        : connection_(std::move(connection)),
          protocol_(&protocol),
          last_(publishers, 0),
          room_(512 * 1024, '\0') {}
    [[nodiscard]] Connection& connection() { return *connection_; }
    [[nodiscard]] bool probed() const { return probed_; }
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
    [[nodiscard]] std::uint64_t last_of(std::size_t publisher) const { return last_[publisher]; }
    [[nodiscard]] std::uint64_t disordered() const { return disordered_; }

    void read() {
        // A bounded number of reads, so that all of them get their turn.
        for (int reads = 0; reads < 8; ++reads) {
            const ssize_t count = connection_->read(room_.data() + have_, room_.size() - have_);
            if (count < 0) die("the broker cut a subscriber");
            if (count == 0) return;
            have_ += static_cast<std::size_t>(count);
            take();
        }
    }

private:
    void take() {
        std::size_t at = 0;
        for (;;) {
            const auto [length, stamp_at] = protocol_->cut({room_.data() + at, have_ - at});
            if (length == 0) break;
            if (stamp_at) {
                Stamp stamp{};
                std::memcpy(&stamp, room_.data() + at + stamp_at, sizeof stamp);
                hear(stamp);
            }
            at += length;
        }
        have_ -= at;
        if (at && have_) std::memmove(room_.data(), room_.data() + at, have_);
    }
    void hear(const Stamp& stamp) {
        if (stamp.magic != stamp_magic || stamp.publisher >= last_.size()) die("a strange message");
        if (stamp.number == 0) {
            probed_ = true;
            return;
        }
        if (stamp.number != last_[stamp.publisher] + 1) ++disordered_;
        last_[stamp.publisher] = stamp.number;
        ++delivered_;
    }
    std::unique_ptr<Connection> connection_;
    const Protocol* protocol_;
    std::vector<std::uint64_t> last_;
    std::string room_;
    std::size_t have_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t disordered_ = 0;
    bool probed_ = false;
};

class Load {
public:
    explicit Load(const Options& options)
        : options_(options), context_(make_context(options)), protocol_(options) {
        for (unsigned i = 0; i < options.subscribers; ++i) {
            auto connection = connect();
            protocol_.subscribe(*connection);
            connection->stop_waiting();
            subscribers_.push_back(
                std::make_unique<Subscriber>(std::move(connection), protocol_, options.publishers));
            watch(subscribers_.back()->connection(), i, EPOLLIN);
        }
        for (unsigned i = 0; i < options.publishers; ++i)
            publishers_.push_back(std::make_unique<Publisher>(connect(), protocol_, i));
        find_everybody();
        for (unsigned i = 0; i < options.publishers; ++i) {
            publishers_[i]->connection().stop_waiting();
            watch(publishers_[i]->connection(), options.subscribers + i, EPOLLOUT | EPOLLIN);
        }
    }

    int run() {
        turn_until(now() + 1, true);
        const double began = now(), cpu_began = cpu_seconds(options_.pid);
        const std::uint64_t delivered_before = delivered();
        turn_until(began + options_.seconds, true);
        const double seconds = now() - began, cpu = cpu_seconds(options_.pid) - cpu_began;
        const auto count = static_cast<double>(delivered() - delivered_before);
        const double deadline = now() + 30;
        while (now() < deadline && !all_arrived()) {
            turn_until(now() + 0.02, false);
            // What OpenSSL has read ahead makes no socket readable.
            for (auto& subscriber : subscribers_)
                subscriber->read();
        }
        std::uint64_t lost = 0, disordered = 0;
        for (const auto& subscriber : subscribers_) {
            disordered += subscriber->disordered();
            for (std::size_t i = 0; i < publishers_.size(); ++i)
                lost += publishers_[i]->published() - subscriber->last_of(i);
        }
        std::printf(
            "delivered %.0f per second, %.0f ns broker CPU per delivery, broker busy %.2f, lost "
            "%llu, disordered %llu\n",
            count / seconds, count > 0 ? cpu / count * 1e9 : 0.0, cpu / seconds,
            static_cast<unsigned long long>(lost), static_cast<unsigned long long>(disordered));
        return lost || disordered ? 1 : 0;
    }

private:
    std::unique_ptr<Connection> connect() {
        auto connection = std::make_unique<Connection>(options_, context_.get());
        protocol_.log_in(*connection, options_.plain);
        return connection;
    }
    void watch(Connection& connection, std::uint64_t tag, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = tag;
        epoll_ctl(poller_, EPOLL_CTL_ADD, connection.descriptor(), &event);
    }
    // hpfeeds acknowledges no subscription: only a message that arrives shows one.
    void find_everybody() {
        const double deadline = now() + 20;
        for (;;) {
            for (auto& publisher : publishers_)
                publisher->probe();
            const double until = now() + 0.2;
            while (now() < until)
                for (auto& subscriber : subscribers_)
                    subscriber->read();
            bool all = true;
            for (auto& subscriber : subscribers_)
                all = all && subscriber->probed();
            if (all) return;
            if (now() > deadline) die("not every subscriber hears every publisher");
        }
    }
    void turn_until(double end, bool begin_more) {
        std::array<epoll_event, 128> events{};
        std::array<char, 4096> ignored{};
        while (now() < end) {
            const int ready = epoll_wait(poller_, events.data(), events.size(), 10);
            for (int i = 0; i < ready; ++i) {
                const auto tag = events[static_cast<std::size_t>(i)].data.u64;
                if (tag < subscribers_.size()) {
                    subscribers_[tag]->read();
                    continue;
                }
                Publisher& publisher = *publishers_[tag - subscribers_.size()];
                if (events[static_cast<std::size_t>(i)].events & EPOLLIN)
                    (void)publisher.connection().read(ignored.data(), ignored.size());
                publisher.write(begin_more);
            }
        }
    }
    [[nodiscard]] bool all_arrived() const {
        for (const auto& publisher : publishers_)
            if (publisher->in_the_middle()) return false;
        for (const auto& subscriber : subscribers_)
            for (std::size_t i = 0; i < publishers_.size(); ++i)
                if (subscriber->last_of(i) != publishers_[i]->published()) return false;
        return true;
    }
    [[nodiscard]] std::uint64_t delivered() const {
        std::uint64_t sum = 0;
        for (const auto& subscriber : subscribers_)
            sum += subscriber->delivered();
        return sum;
    }

    Options options_;
    Context context_;
    Protocol protocol_;
    int poller_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<Subscriber>> subscribers_;
    std::vector<std::unique_ptr<Publisher>> publishers_;
};

// Each waits for the server's end of the last one, so that the server is never behind.
int do_handshakes(const Options& options) {
    const Context context = make_context(options);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    const auto once = [&] { const Connection connection(options, context.get()); };
    for (int count = 0; count < 100; ++count)
        once();
    const double began = now(), cpu_began = cpu_seconds(options.pid);
    std::uint64_t count = 0;
    for (; now() < began + options.seconds; ++count)
        once();
    const double seconds = now() - began, cpu = cpu_seconds(options.pid) - cpu_began;
    std::printf("%.0f handshakes per second, %.0f per CPU second of the server, %.1f us each\n",
                static_cast<double>(count) / seconds, static_cast<double>(count) / cpu,
                cpu / static_cast<double>(count) * 1e6);
    return 0;
}

Options parse(int argc, char** argv) {
    Options options;
    int at = 1;
    if (at < argc && argv[at][0] != '-') options.mode = argv[at++];
    for (; at < argc; ++at) {
        const std::string_view flag = argv[at];
        if (flag == "--plain") {
            options.plain = true;
            continue;
        }
        if (at + 1 == argc) die("no value for " + std::string(flag));
        const char* value = argv[++at];
        if (flag == "--protocol")
            options.protocol = value;
        else if (flag == "--ciphersuite")
            options.ciphersuite = value;
        else if (flag == "--port")
            options.port = std::atoi(value);
        else if (flag == "--pid")
            options.pid = std::atoi(value);
        else if (flag == "--publishers")
            options.publishers = static_cast<unsigned>(std::atoi(value));
        else if (flag == "--subscribers")
            options.subscribers = static_cast<unsigned>(std::atoi(value));
        else if (flag == "--bytes")
            options.payload_bytes = static_cast<std::size_t>(std::atoi(value));
        else if (flag == "--seconds")
            options.seconds = std::atof(value);
        else
            die("unknown flag " + std::string(flag));
    }
    if (options.payload_bytes < sizeof(Stamp)) die("--bytes is too small for a stamp");
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const Options options = parse(argc, argv);
    if (options.mode == "handshakes") return do_handshakes(options);
    return Load(options).run();
}
