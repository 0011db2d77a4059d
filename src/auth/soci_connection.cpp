// SPDX-License-Identifier: Apache-2.0
#include "auth/soci_connection.hpp"

#include "auth/names.hpp"
#include "auth/soci_driver.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

namespace hpfeeds::auth {
namespace {

using Kind = SqlUrl::Kind;
using Clock = std::chrono::steady_clock;

std::string hex_of(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const char each : bytes) {
        const auto byte = static_cast<unsigned char>(each);
        out += digits[byte >> 4U];
        out += digits[byte & 0xFU];
    }
    return out;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

// Drivers write several lines, indented.
std::string on_one_line(std::string_view text) {
    std::string out;
    for (const char each : text) {
        const bool blank = each == ' ' || each == '\n' || each == '\t' || each == '\r';
        if (!blank) out += each;
        if (blank && !out.empty() && out.back() != ' ') out += ' ';
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '.'))
        out.pop_back();
    return out;
}

bool has_setting(const SqlUrl& url, std::string_view name) {
    return std::any_of(url.settings.begin(), url.settings.end(),
                       [&](const SqlUrl::Setting& setting) { return setting.first == name; });
}

}  // namespace

// What a driver throws becomes a line of ours, and a socket that is silent for too long is cut.
template <typename Action>
auto SociConnection::guarded(Action&& action) {
    const StallWatch::Guard guard(watch_, socket_.number(), timeout_);
    const Clock::time_point begun = Clock::now();
    try {
        return action();
    } catch (const soci::soci_error& error) {
        // A driver that keeps the time itself calls it a lost connection.
        const bool lost = error.get_error_category() == soci::soci_error::connection_error ||
                          (url_.kind == Kind::postgresql && !session_.is_connected());
        const bool late = lost && Clock::now() - begun >= timeout_ - timeout_ / 8;
        if (guard.expired() || late)
            fail(Failure::timeout,
                 "no answer within " + std::to_string(timeout_.count()) + " ms; is it frozen?");
        fail(lost ? Failure::connection : Failure::store, clean(error.get_error_message()));
    } catch (const SqlError&) {
        throw;
    } catch (const std::exception& error) {
        fail(Failure::store, clean(error.what()));
    }
}

SociConnection::SociConnection(const SqlUrl& url, std::chrono::milliseconds timeout,
                               StallWatch& watch)
    : url_(url), dialect_(dialect_of(url.kind)), timeout_(timeout), watch_(watch) {
    open();
    guarded([this] { greet(); });
    guarded([this] { read_columns(); });
}

// Statements say goodbye to the server and would wait for one that is frozen; a socket that is cut
// makes them fail at once.
SociConnection::~SociConnection() {
    cut(socket_.number());
}

void SociConnection::open() {
    const Clock::time_point begun = Clock::now();
    try {
        session_.open(driver_name(url_.kind), connect_string(url_, timeout_));
    } catch (const std::exception& error) {
        const auto* of_driver = dynamic_cast<const soci::soci_error*>(&error);
        const bool late = Clock::now() - begun >= timeout_ - timeout_ / 8;
        const std::string why =
            clean(of_driver != nullptr ? of_driver->get_error_message() : error.what());
        fail(
            late ? Failure::timeout : Failure::connection,
            why + "; check the server, and host, port, user, password and database of the address");
    }
    // The number the driver uses is another socket's as soon as the driver has closed it: a
    // client's, whom we would cut in its place.
    const int of_driver = socket_of(session_, url_.kind);
    if (of_driver < 0) return;
    socket_ = Descriptor(::fcntl(of_driver, F_DUPFD_CLOEXEC, 0));
    if (!socket_.open())
        fail(Failure::connection,
             "no second descriptor for its socket: " + std::generic_category().message(errno) +
                 "; raise the limit of open files");
}

void SociConnection::greet() {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout_).count();
    for (const char* greeting : dialect_.greetings) {
        std::string sql = greeting;
        replace_all(sql, "%d", std::to_string(timeout_.count()));
        replace_all(sql, "%s", std::to_string(seconds));
        session_ << sql;
    }
    if (url_.kind == Kind::postgresql) {
        std::string encoding;
        session_ << "SHOW server_encoding", soci::into(encoding);
        recode_ = encoding != "UTF8" && encoding != "SQL_ASCII";
    } else if (has_setting(url_, "sslca")) {
        std::string name;
        std::string cipher;
        session_ << "SHOW SESSION STATUS LIKE 'Ssl_cipher'", soci::into(name), soci::into(cipher);
        if (cipher.empty())
            fail(Failure::connection,
                 "ssl_ca was given, but the server does not encrypt; give it a certificate");
    }
}

void SociConnection::read_columns() {
    columns_.clear();
    std::string name;
    soci::statement statement = (session_.prepare << dialect_.columns, soci::into(name));
    statement.execute();
    while (statement.fetch())
        columns_.push_back(name);
}

bool SociConnection::has_column(std::string_view name) const {
    return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
}

void SociConnection::require_columns() const {
    if (!has_table())
        fail(Failure::store,
             "there is no table auth_keys that we may read; `hpfeeds user add` creates it");
    for (const char* name : {"identifier", "secret", "publish", "subscribe"})
        if (!has_column(name))
            fail(Failure::store,
                 std::string("table auth_keys has no column ") + name +
                     " that we may read; it needs identifier, secret, publish and subscribe");
}

std::string SociConnection::in_order(const char* sql) const {
    return has_column("id") ? std::string(sql) + dialect_.order : std::string(sql);
}

void SociConnection::bind_row(soci::statement& statement) {
    for (std::size_t i = 0; i < fields_.size(); ++i)
        statement.exchange(soci::into(fields_[i], indicators_[i]));
}

void SociConnection::prepare_look_up() {
    require_columns();
    std::string sql = dialect_.look_up;
    if (dialect_.prepare_look_up != nullptr) {
        std::string prepare = in_order(dialect_.prepare_look_up) + "'";
        std::string charset;
        std::string collation;
        soci::indicator charset_known{};
        soci::indicator collation_known{};
        session_ << dialect_.identifier_collation, soci::into(charset, charset_known),
            soci::into(collation, collation_known);
        const bool text = charset_known != soci::i_null && collation_known != soci::i_null;
        replace_all(
            prepare, "%p",
            text ? "CONVERT(? USING " + charset + ") COLLATE " + collation : "CAST(? AS BINARY)");
        session_ << prepare;
        hand_over_.emplace(session_);
        hand_over_->exchange(soci::use(parameter_, "ident_hex"));
        hand_over_->alloc();
        hand_over_->prepare(dialect_.hand_over_ident);
        hand_over_->define_and_bind();
    } else {
        sql = in_order(recode_ ? dialect_.look_up_recoded : dialect_.look_up);
    }
    look_up_.emplace(session_);
    bind_row(*look_up_);
    if (!hand_over_) look_up_->exchange(soci::use(parameter_, recode_ ? "ident_hex" : "ident"));
    look_up_->alloc();
    look_up_->prepare(sql);
    look_up_->define_and_bind();
}

std::vector<KeyRow> SociConnection::rows_of(std::string_view ident) {
    return guarded([&] {
        if (!look_up_) prepare_look_up();
        parameter_ = hand_over_ || recode_ ? hex_of(ident) : std::string(ident);
        if (hand_over_) hand_over_->execute(true);
        return fetch_all(*look_up_);
    });
}

std::vector<KeyRow> SociConnection::all_rows() {
    return guarded([&] {
        require_columns();
        soci::statement statement(session_);
        bind_row(statement);
        statement.alloc();
        statement.prepare(in_order(dialect_.list), soci::details::st_one_time_query);
        statement.define_and_bind();
        return fetch_all(statement);
    });
}

std::vector<KeyRow> SociConnection::fetch_all(soci::statement& statement) {
    std::vector<KeyRow> rows;
    statement.execute();
    while (statement.fetch()) {
        const auto field = [this](std::size_t i) {
            return indicators_[i] == soci::i_null ? std::nullopt : std::optional(fields_[i]);
        };
        rows.push_back({std::nullopt, field(0), field(1), field(2), field(3)});
    }
    return rows;
}

void SociConnection::create_table() {
    guarded([&] {
        session_ << dialect_.create_table;
        read_columns();
    });
}

void SociConnection::put(const KeyRow& row) {
    guarded([&] {
        require_columns();
        soci::transaction transaction(session_);
        if (dialect_.lock != nullptr) session_ << dialect_.lock;
        change(change(dialect_.count, row) > 0 ? dialect_.update : dialect_.insert, row);
        transaction.commit();
    });
}

bool SociConnection::remove(std::string_view ident) {
    return guarded([&] {
        require_columns();
        soci::transaction transaction(session_);
        KeyRow row;
        row.ident = std::string(ident);
        const bool known = change(dialect_.count, row) > 0;
        if (known) change(dialect_.remove, row);
        transaction.commit();
        return known;
    });
}

// Runs a statement with those of the row's values that it names. What it counts is returned.
long long SociConnection::change(const char* sql, const KeyRow& row) {
    const std::string text = sql;
    struct Value {
        const char* name;
        std::string value;
    };
    const bool mysql = url_.kind == Kind::mysql;
    std::array values{
        Value{"ident", row.ident.value_or("")}, Value{"secret", row.secret.value_or("")},
        Value{"publish", row.pubchans.value_or("")}, Value{"subscribe", row.subchans.value_or("")}};
    long long count = 0;
    soci::statement statement(session_);
    if (text.starts_with("SELECT")) statement.exchange(soci::into(count));
    std::array<std::string, 4> names;
    for (std::size_t i = 0; i < values.size(); ++i) {
        names[i] = values[i].name + std::string(mysql ? "_hex" : "");
        if (text.find(":" + names[i]) == std::string::npos) continue;
        if (mysql) values[i].value = hex_of(values[i].value);
        statement.exchange(soci::use(values[i].value, names[i]));
    }
    statement.alloc();
    statement.prepare(text, soci::details::st_one_time_query);
    statement.define_and_bind();
    statement.execute(true);
    return count;
}

void SociConnection::fail(Failure failure, const std::string& why) const {
    throw SqlError(failure, url_.name() + ": " + why);
}

std::string SociConnection::clean(std::string text) const {
    text = on_one_line(text);
    replace_all(text, "\"", "'");  // or a log line would be all backslashes
    text = printable(text);
    if (url_.password.size() > 2) replace_all(text, url_.password, "***");
    return text;
}

}  // namespace hpfeeds::auth
