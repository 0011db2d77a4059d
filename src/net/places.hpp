// SPDX-License-Identifier: Apache-2.0
// places.hpp: how many connections there may be at once, of all shards and of the door together,
// and how many of them from one address.
//
// Whoever accepts takes a place; whoever closes the socket gives it back. The place of the address
// can be taken then, or later, when the peer's true address is known: it goes with the connection.
//
// Threads  any.
#pragma once

#include "core/keyed_hash.hpp"
#include "core/place_table.hpp"
#include "net/address.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hpfeeds::net {

struct PlacesOfAddress {
    std::size_t places_max = 0;  // 0: any number
    // Loopback is this machine: a proxy in front of the broker perhaps, behind which everybody is.
    // It has a bound only where the operator asks for one.
    bool loopback_too = false;
};

class Places {
public:
    explicit Places(std::size_t places_max, PlacesOfAddress of_address = {},
                    core::HashKey hash_key = {})
        : places_max_(places_max),
          loopback_too_(of_address.loopback_too),
          hash_key_(hash_key),
          addresses_(places_max, of_address.places_max) {}

    // False when all are taken.
    [[nodiscard]] bool take() noexcept {
        if (taken_.fetch_add(1, std::memory_order_relaxed) < places_max_) return true;
        give_back();
        return false;
    }
    void give_back() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t taken() const noexcept {
        return taken_.load(std::memory_order_relaxed);
    }

    // One of the peer's address (Address::network()), into `out`. False when it has all it may.
    // Who may have any number is counted, for a bound that comes later.
    [[nodiscard]] bool take_of(const Address& peer, core::PlaceTable::Place& out) noexcept {
        const bool bounded = !peer.loopback() || loopback_too_.load(std::memory_order_relaxed);
        return addresses_.take(origin_of(peer), out, bounded);
    }
    // For connections that come from now on; those that are there stay.
    void set_of_address(PlacesOfAddress of_address) noexcept {
        loopback_too_.store(of_address.loopback_too, std::memory_order_relaxed);
        addresses_.set_places_max(of_address.places_max);
    }
    // What core takes for the peer's address.
    [[nodiscard]] std::uint64_t origin_of(const Address& peer) const noexcept {
        return core::keyed_hash(hash_key_, peer.network());
    }
    [[nodiscard]] std::size_t of_address_max() const noexcept { return addresses_.places_max(); }
    // Connections that came uncounted, because the table had no room for their address.
    [[nodiscard]] std::uint64_t uncounted() const noexcept { return addresses_.uncounted(); }

private:
    std::atomic<std::size_t> taken_{0};
    std::size_t places_max_;
    std::atomic<bool> loopback_too_;
    core::HashKey hash_key_;
    core::PlaceTable addresses_;
};

}  // namespace hpfeeds::net
