// SPDX-License-Identifier: Apache-2.0
#include "service/takeover.hpp"

#include "hpfeeds/error.hpp"
#include "service/channel.hpp"
#include "service/environment.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>

namespace hpfeeds::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* variable = "HPFEEDS_TAKEOVER";
constexpr int channel_descriptor = 3;
// The other side does nothing but what is waited for.
constexpr seconds step_patience{10};
constexpr int reap_patience_ms = 3'000;

std::string one_line(std::string text) {
    for (char& character : text)
        if (static_cast<unsigned char>(character) < 0x20) character = ' ';
    return text;
}

// Ours, with those in place of what they replace, and without what was said to us alone.
std::vector<std::string> environment_with(const Successor::Variables& variables) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : variables)
        entries.push_back(name + "=" + value);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('='));
        const bool replaced = std::any_of(variables.begin(), variables.end(),
                                          [&](const auto& each) { return each.first == name; });
        if (!replaced) entries.emplace_back(text);
    }
    return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// posix_spawn and not fork: this process may hold gigabytes, whose page tables fork would copy
// while the shards wait.
int spawn(pid_t& pid, const Program& program, int channel, std::vector<std::string> environment) {
    std::vector<std::string> arguments = program.arguments;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, channel, channel_descriptor);
    posix_spawn_file_actions_addclosefrom_np(&actions, channel_descriptor + 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int failed =
        ::posix_spawn(&pid, program.path.c_str(), &actions, &attributes,
                      pointers_to(arguments).data(), pointers_to(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return "it died of signal " + std::to_string(WTERMSIG(status));
    return "it ended with status " + std::to_string(WEXITSTATUS(status)) +
           " before it served, and said why on standard error";
}

// Its end of the channel is closed, so it ends by itself, and soon; else it is ended.
int reap(pid_t pid) {
    const net::Descriptor watch(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd entry{watch.get(), POLLIN, 0};
    if (!watch.open() || ::poll(&entry, 1, reap_patience_ms) <= 0) ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
}

}  // namespace

// ---- in the new process

Predecessor Predecessor::from_environment() {
    const auto value = take_variable(variable);
    if (!value) return {};
    const auto meant =
        whole_number(variable, *value, std::numeric_limits<decltype(::getppid())>::max());
    if (meant != static_cast<std::uint64_t>(::getppid()))
        refuse_variable(variable, *value,
                        "not the process that started this one; unset the variable, which one "
                        "broker sets for the next");
    if (::fcntl(channel_descriptor, F_SETFD, FD_CLOEXEC) != 0)
        refuse_variable(variable, *value, "descriptor 3 is not open; unset the variable");
    Predecessor predecessor;
    predecessor.channel_ = net::Descriptor(channel_descriptor);
    return predecessor;
}

HandedSockets Predecessor::receive_sockets() {
    std::vector<HandedSocket> sockets;
    for (;;) {
        Packet packet;
        if (receive_packet(channel_.get(), packet, step_patience) != Received::packet)
            throw Error("the broker that is to be replaced did not hand over all of its sockets");
        if (packet.word == Word::all_sent) return HandedSockets(std::move(sockets));
        if (packet.word != Word::socket || !packet.descriptor.open() ||
            sockets.size() == handed_sockets_max)
            throw Error(
                "the broker that is to be replaced said what this one does not know; "
                "stop it, and start this one");
        sockets.push_back({std::move(packet.text), std::move(packet.descriptor)});
    }
}

void Predecessor::ready() noexcept {
    if (!there()) return;
    Packet answer;
    if (send_packet(channel_.get(), Word::ready))
        (void)receive_packet(channel_.get(), answer, step_patience);
    channel_.reset();
}

void Predecessor::failed(std::string_view why) noexcept {
    if (there()) (void)send_packet(channel_.get(), Word::failed, why);
    channel_.reset();
}

// ---- in the old process

Successor::Successor(const Program& program, std::span<const HandedSocket> sockets,
                     const Variables& variables)
    : deadline_(std::chrono::steady_clock::now() + takeover_patience) {
    auto [ours, theirs] = open_channel();
    if (!ours.open()) throw Error(std::string("no socket pair: ") + std::strerror(errno));
    Variables all = variables;
    all.emplace_back(variable, std::to_string(::getpid()));
    if (const int failed = spawn(pid_, program, theirs.get(), environment_with(all)))
        throw Error("cannot start " + program.path + ": " + std::strerror(failed));
    theirs.reset();
    channel_ = std::move(ours);
    send_sockets(sockets);
}

Successor::~Successor() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

// One that ends meanwhile is found out by look().
void Successor::send_sockets(std::span<const HandedSocket> sockets) {
    for (const HandedSocket& each : sockets)
        if (!send_packet(channel_.get(), Word::socket, each.name, each.socket.get())) return;
    (void)send_packet(channel_.get(), Word::all_sent);
}

Successor::State Successor::look() {
    if (state_ != State::starting) return state_;
    Packet packet;
    switch (receive_packet(channel_.get(), packet, milliseconds{0})) {
        case Received::packet:
            if (packet.word == Word::ready)
                state_ = State::ready;
            else
                give_up(one_line(std::move(packet.text)));
            break;
        case Received::end:
            give_up("");
            break;
        case Received::nothing:
            if (std::chrono::steady_clock::now() < deadline_) break;
            ::kill(pid_, SIGKILL);
            give_up("it did not serve within " + std::to_string(takeover_patience.count()) + " s");
    }
    return state_;
}

void Successor::give_up(std::string why) {
    state_ = State::failed;
    why_ = std::move(why);
    const int status = reap(std::exchange(pid_, -1));
    if (why_.empty()) why_ = how_it_ended(status);
}

void Successor::step_back() noexcept {
    (void)send_packet(channel_.get(), Word::go);
    channel_.reset();
    pid_ = -1;
}

}  // namespace hpfeeds::service
