// SPDX-License-Identifier: Apache-2.0
#include "stores/sql_server.hpp"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace hpfeeds::support {
namespace {

namespace fs = std::filesystem;

std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const bool bound =
        ::bind(socket, generic, size) == 0 && ::getsockname(socket, generic, &size) == 0;
    ::close(socket);
    if (!bound) throw std::runtime_error("there is no free port");
    return ntohs(address.sin_port);
}

std::string program(const std::vector<std::string>& places) {
    for (const std::string& place : places)
        if (fs::exists(place)) return place;
    throw std::runtime_error("cannot find " + places.front() + "; scripts/deps installs it");
}

// The newest installed one; Debian keeps them out of PATH.
std::string postgresql_program(const std::string& name) {
    for (int version = 30; version >= 9; --version) {
        const std::string path = "/usr/lib/postgresql/" + std::to_string(version) + "/bin/" + name;
        if (fs::exists(path)) return path;
    }
    throw std::runtime_error("cannot find PostgreSQL's " + name + "; scripts/deps installs it");
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> all;
    const std::string task = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent);
    std::ifstream children(task + "/children");
    for (pid_t child = 0; children >> child;) {
        all.push_back(child);
        for (const pid_t grandchild : children_of(child))
            all.push_back(grandchild);
    }
    return all;
}

class Postgresql final : public SqlServer {
public:
    Postgresql() : SqlServer("postgres", SIGINT) {
        write_file(directory_.file("password"), "owner-password\n");
        hand_over(directory_.file("password"));
        run_to_end(
            {as_server_user({postgresql_program("initdb"), "-D", data(), "-U", "owner",
                             "--pwfile=" + directory_.file("password"), "--auth=scram-sha-256",
                             "--auth-local=scram-sha-256", "--encoding=UTF8", "--locale=C",
                             "--no-sync", "--no-instructions"}),
             directory_.path()});
        make_certificate();
        std::ofstream(data() + "/postgresql.conf", std::ios::app)
            << "fsync = off\nshared_buffers = 32MB\nmax_connections = 60\n"
            << "ssl = on\nssl_cert_file = '" << certificate() << "'\nssl_key_file = '"
            << directory_.file("server.key") << "'\n"
            << "listen_addresses = '127.0.0.1'\nunix_socket_directories = '"
            << directory_.path().string() << "'\nautovacuum = off\n";
        start();
        sql("postgres", "CREATE ROLE feeds LOGIN PASSWORD 'feeds-password'");
    }

    std::string scheme() const override { return "postgresql"; }
    std::string documented_schema() const override {
        return "CREATE SEQUENCE auth_keys_seq;"
               "CREATE TABLE auth_keys (id int NOT NULL DEFAULT NEXTVAL ('auth_keys_seq'),"
               " identifier varchar(36) DEFAULT NULL, secret varchar(36) DEFAULT NULL,"
               " publish json DEFAULT NULL, subscribe json DEFAULT NULL, PRIMARY KEY (id));"
               "GRANT ALL ON auth_keys, auth_keys_seq TO feeds;";
    }
    std::string socket_options() const override { return "?host=" + directory_.path().string(); }
    std::string sql(const std::string& database, const std::string& statements) override {
        return run_to_end(
            {{"psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
              directory_.path().string(), "-p", std::to_string(port_), "-U", "owner", database},
             directory_.path(),
             {{"PGPASSWORD", "owner-password"}, {"PGCLIENTENCODING", "UTF8"}},
             statements});
    }
    std::string make_database() override {
        const std::string name = "feeds" + std::to_string(++databases_);
        sql("postgres", "CREATE DATABASE " + name + " OWNER feeds");
        return name;
    }

private:
    std::string data() const { return directory_.file("data"); }
    std::vector<std::string> server_words() const override {
        return {postgresql_program("postgres"), "-D", data(), "-p", std::to_string(port_)};
    }
    bool answers() override {
        return run({{postgresql_program("pg_isready"), "-q", "-h", directory_.path().string(), "-p",
                     std::to_string(port_)}})
                   .ended.status == 0;
    }
};

class MariaDb final : public SqlServer {
public:
    MariaDb() : SqlServer("mysql", SIGTERM) {
        run_to_end({as_server_user({program({"/usr/bin/mariadb-install-db"}), "--no-defaults",
                                    "--datadir=" + data(), "--skip-test-db",
                                    "--auth-root-authentication-method=normal",
                                    "--innodb-log-file-size=8M"}),
                    directory_.path()});
        make_certificate();
        start();
        sql("mysql", "CREATE USER feeds@'%' IDENTIFIED BY 'feeds-password'");
    }

    std::string scheme() const override { return "mysql"; }
    std::string documented_schema() const override {
        return "CREATE TABLE `auth_keys` (`id` int AUTO_INCREMENT NOT NULL,"
               " `identifier` varchar(36) DEFAULT NULL, `secret` varchar(36) DEFAULT NULL,"
               " `publish` json DEFAULT NULL, `subscribe` json DEFAULT NULL, PRIMARY KEY (`id`))";
    }
    std::string socket_options() const override { return "?unix_socket=" + socket(); }
    std::string sql(const std::string& database, const std::string& statements) override {
        return run_to_end(
            {{"mariadb", "--no-defaults", "--batch", "--skip-column-names",
              "--default-character-set=utf8mb4", "--socket=" + socket(), "-u", "root", database},
             directory_.path(),
             {},
             statements});
    }
    std::string make_database() override {
        const std::string name = "feeds" + std::to_string(++databases_);
        sql("mysql", "CREATE DATABASE " + name + "; GRANT ALL ON " + name + ".* TO feeds@'%'");
        return name;
    }

private:
    std::string data() const { return directory_.file("data"); }
    std::string socket() const { return directory_.file("socket"); }
    std::vector<std::string> server_words() const override {
        return {program({"/usr/sbin/mariadbd"}),
                "--no-defaults",
                "--datadir=" + data(),
                "--socket=" + socket(),
                "--port=" + std::to_string(port_),
                "--bind-address=127.0.0.1",
                "--pid-file=" + directory_.file("pid"),
                "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=8M",
                "--innodb-flush-log-at-trx-commit=0",
                "--skip-name-resolve",
                "--ssl-cert=" + certificate(),
                "--ssl-key=" + directory_.file("server.key"),
                "--performance-schema=off",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci"};
    }
    bool answers() override {
        return run({{"mariadb", "--no-defaults", "--socket=" + socket(), "-u", "root", "-e",
                     "SELECT 1"}})
                   .ended.status == 0;
    }
};

}  // namespace

SqlServer::SqlServer(std::string system_user, int stop_signal)
    : port_(free_port()), system_user_(std::move(system_user)), stop_signal_(stop_signal) {
    hand_over(directory_.path().string());
}

SqlServer::~SqlServer() {
    if (!process_) return;
    try {
        thaw();
        stop();
    } catch (const std::exception&) {
        signal_all(SIGKILL);
    }
}

std::string SqlServer::url(const std::string& database, const std::string& credentials,
                           const std::string& options) const {
    return "database+" + scheme() + "://" + credentials + "@127.0.0.1:" + std::to_string(port_) +
           "/" + database + options;
}

std::vector<std::string> SqlServer::as_server_user(std::vector<std::string> words) const {
    if (::geteuid() != 0) return words;
    std::vector<std::string> all{"setpriv",     "--reuid",    system_user_,
                                 "--regid",     system_user_, "--clear-groups",
                                 "--pdeathsig", "KILL",       "--"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

void SqlServer::hand_over(const std::string& path) const {
    if (::geteuid() != 0) return;
    const passwd* const user = ::getpwnam(system_user_.c_str());
    if (user == nullptr || ::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
        throw std::runtime_error("cannot give " + path + " to the user " + system_user_ +
                                 "; scripts/deps installs the package that makes him");
}

std::string SqlServer::run_to_end(const Command& command) {
    const Finished finished = run(command, Deadline{std::chrono::seconds(120)});
    if (finished.ended.status != 0)
        throw std::runtime_error(command.words.front() + " failed: " + finished.err + finished.out);
    return finished.out;
}

void SqlServer::make_certificate() const {
    run_to_end({as_server_user({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                                "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                                "-keyout", directory_.file("server.key"), "-out", certificate()}),
                directory_.path()});
}

void SqlServer::start() {
    process_ =
        std::make_unique<Process>(Command{as_server_user(server_words()), directory_.path()});
    const Deadline deadline{std::chrono::seconds(60)};
    while (!answers())
        if (deadline.passed() || !process_->running())
            throw std::runtime_error("the server does not start: " + process_->err().text());
}

void SqlServer::stop() {
    process_->signal(stop_signal_);
    process_->wait(Deadline{std::chrono::seconds(60)});
    process_.reset();
}

void SqlServer::freeze() {
    signal_all(SIGSTOP);
}

void SqlServer::thaw() {
    signal_all(SIGCONT);
}

// The server, then whatever it has started: it starts nothing more once it is stopped itself.
void SqlServer::signal_all(int number) const {
    if (!process_) return;
    process_->signal(number);
    for (const pid_t child : children_of(process_->pid()))
        ::kill(child, number);
}

std::unique_ptr<SqlServer> make_postgresql() {
    return std::make_unique<Postgresql>();
}

std::unique_ptr<SqlServer> make_mariadb() {
    return std::make_unique<MariaDb>();
}

}  // namespace hpfeeds::support
