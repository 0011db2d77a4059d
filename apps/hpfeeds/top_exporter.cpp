// SPDX-License-Identifier: Apache-2.0
#include "top_exporter.hpp"

#include "client/connection.hpp"
#include "client/errc.hpp"
#include "hpfeeds/error.hpp"
#include "hpfeeds/text.hpp"
#include "wire/frame.hpp"

#include <array>
#include <span>
#include <utility>

namespace hpfeeds::cli::top_view {
namespace {

constexpr const char* ident_rows = "1000";
constexpr const char* channel_rows = "1000";
constexpr const char* connection_rows = "100";

client::Destination destination(const std::string& host, std::uint16_t port) {
    client::Destination made;
    made.host = host;
    made.port = port;
    return made;
}

}  // namespace

Exporter::Exporter(std::string host, std::uint16_t port, int stop)
    : host_(std::move(host)), port_(port), stop_(stop) {}

std::string Exporter::text() const {
    return destination(host_, port_).text();
}

Snapshot Exporter::look(Order order) const {
    const std::string by = std::string("&sort=") + page_sort_of(order);
    const char* channels_by = order == Order::name ? "&sort=channel" : "&sort=messages";
    Snapshot made;
    made.overview = parse_overview(get("/overview"));
    made.idents = parse_idents(get(std::string("/idents?limit=") + ident_rows + by));
    made.channels =
        parse_channels(get(std::string("/channels?limit=") + channel_rows + channels_by));
    made.connections =
        parse_connections(get(std::string("/connections?sort=queued&limit=") + connection_rows));
    return made;
}

std::string Exporter::get(const std::string& target) const {
    const auto deadline = client::in(answer_patience);
    client::Connection connection(stop_);
    const auto demand = [&](std::error_code error) {
        if (error)
            throw Error("cannot ask the exporter " + text() + ": " + connection.explanation(),
                        error);
    };
    demand(connection.open(destination(host_, port_), deadline));
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + text() + "\r\n\r\n";
    for (auto unsent = wire::as_bytes(request); !unsent.empty();) {
        std::size_t taken = 0;
        demand(connection.write_some(unsent, deadline, taken));
        unsent = unsent.subspan(taken);
    }
    std::string answer;
    for (;;) {
        std::array<std::byte, 16'384> room{};
        std::size_t taken = 0;
        const auto error = connection.read_some(room, deadline, taken);
        if (error == client::Errc::closed_by_broker) return body_of(answer, target);
        demand(error);
        answer += wire::as_text(std::span(room).first(taken));
        if (answer.size() > answer_bytes_max)
            throw Error("the exporter " + text() + " does not stop answering " + target);
    }
}

std::string body_of(const std::string& answer, const std::string& target) {
    const std::size_t head = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.") || head == std::string::npos)
        throw Error(
            "what listens there does not speak HTTP: give the HOST:PORT of the broker's "
            "--exporter");
    const std::string status = answer.substr(9, answer.find("\r\n") - 9);
    if (status.starts_with("404"))
        throw Error("the exporter has no " + target.substr(0, target.find('?')) +
                    ": start the broker with --exporter-details");
    if (!status.starts_with("200"))
        throw Error("the exporter answers " + one_line(status) + ": " +
                    one_line(answer.substr(head + 4, 200)));
    return answer.substr(head + 4);
}

}  // namespace hpfeeds::cli::top_view
