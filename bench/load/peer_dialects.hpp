// SPDX-License-Identifier: Apache-2.0
// peer_dialects.hpp: the brokers of neighbouring fields, as far as publishing and subscribing go.
#pragma once

#include "bench_dialect.hpp"

#include <memory>

namespace hpfeeds::cli::bench {

// nats-server: text lines, and payloads of announced length.
class NatsDialect final : public Dialect {
public:
    [[nodiscard]] bool broker_speaks_first() const override { return true; }
    [[nodiscard]] bool greets_in_the_clear() const override { return true; }
    [[nodiscard]] Greeted greet(std::string_view heard) const override;
    [[nodiscard]] std::string subscribe(std::string_view channel) const override;
    [[nodiscard]] std::string publish_head(std::string_view channel,
                                           std::size_t payload_bytes) const override;
    [[nodiscard]] std::string publish_tail() const override { return "\r\n"; }
    [[nodiscard]] Heard understand(std::string_view unread) const override;
};

// redis-server: RESP2.
class RedisDialect final : public Dialect {
public:
    [[nodiscard]] bool broker_speaks_first() const override { return false; }
    [[nodiscard]] Greeted greet(std::string_view heard) const override;
    [[nodiscard]] std::string subscribe(std::string_view channel) const override;
    [[nodiscard]] std::string publish_head(std::string_view channel,
                                           std::size_t payload_bytes) const override;
    [[nodiscard]] std::string publish_tail() const override { return "\r\n"; }
    [[nodiscard]] Heard understand(std::string_view unread) const override;
};

// mosquitto: MQTT 3.1.1 at QoS 0, each connection with a name that the broker chooses.
class MqttDialect final : public Dialect {
public:
    [[nodiscard]] bool broker_speaks_first() const override { return false; }
    [[nodiscard]] Greeted greet(std::string_view heard) const override;
    [[nodiscard]] std::string subscribe(std::string_view channel) const override;
    [[nodiscard]] std::string publish_head(std::string_view channel,
                                           std::size_t payload_bytes) const override;
    [[nodiscard]] std::string publish_tail() const override { return {}; }
    [[nodiscard]] Heard understand(std::string_view unread) const override;
};

// By name: nats, redis or mqtt; null: there is no such dialect.
[[nodiscard]] std::unique_ptr<Dialect> dialect_called(std::string_view name);

}  // namespace hpfeeds::cli::bench
