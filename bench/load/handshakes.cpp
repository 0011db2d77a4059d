// SPDX-License-Identifier: Apache-2.0
// handshakes.cpp: full TLS handshakes, one after the other, as fast as a server does them.
//
//   handshakes --port PORT --pid SERVER [--seconds S] [--ciphersuite NAME]
//
// Blocking, on one thread: each waits for the server's end of the last one. The figure to compare
// is the server's CPU time, from its process's clock, since both share the machine.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace {

struct Options {
    std::string ciphersuite = "TLS_AES_128_GCM_SHA256";
    int port = 0;
    int pid = 0;
    double seconds = 4;
};

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "handshakes: %s\n", why.c_str());
    std::exit(2);
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double cpu_seconds(int pid) {
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
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return context;
}

void shake_hands(const Options& options, SSL_CTX* context) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(options.port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
        die("cannot connect to port " + std::to_string(options.port));
    SSL* const ssl = SSL_new(context);
    SSL_set_fd(ssl, socket);
    if (SSL_connect(ssl) != 1) die("the TLS handshake failed");
    SSL_free(ssl);
    ::close(socket);
}

int measure(const Options& options) {
    const Context context = make_context(options);
    for (int count = 0; count < 100; ++count)
        shake_hands(options, context.get());
    const double began = now(), cpu_began = cpu_seconds(options.pid);
    std::uint64_t count = 0;
    for (; now() < began + options.seconds; ++count)
        shake_hands(options, context.get());
    const double seconds = now() - began, cpu = cpu_seconds(options.pid) - cpu_began;
    std::printf("%.0f handshakes per second, %.0f per CPU second of the server, %.1f us each\n",
                static_cast<double>(count) / seconds, static_cast<double>(count) / cpu,
                cpu / static_cast<double>(count) * 1e6);
    return 0;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int at = 1; at < argc; at += 2) {
        const std::string_view flag = argv[at];
        if (at + 1 == argc) die("no value for " + std::string(flag));
        const char* value = argv[at + 1];
        if (flag == "--ciphersuite")
            options.ciphersuite = value;
        else if (flag == "--port")
            options.port = std::atoi(value);
        else if (flag == "--pid")
            options.pid = std::atoi(value);
        else if (flag == "--seconds")
            options.seconds = std::atof(value);
        else
            die("unknown flag " + std::string(flag));
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    return measure(parse(argc, argv));
}
