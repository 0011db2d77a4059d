// SPDX-License-Identifier: Apache-2.0
#include "net/ticket_keys.hpp"

#include "hpfeeds/error.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace hpfeeds::net {
namespace {

// What OpenSSL's callback for tickets answers.
constexpr int failed = -1;
constexpr int unknown_key = 0;
constexpr int known_key = 1;
constexpr int known_and_renew = 2;

bool start_mac(EVP_MAC_CTX* mac, const std::array<unsigned char, 32>& key) noexcept {
    std::array<char, 7> digest{"SHA256"};
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                          const_cast<unsigned char*>(key.data()), key.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

}  // namespace

TicketKeys::TicketKeys(Clock::time_point now) : drawn_at_(now) {
    if (!draw(current_)) throw Error("cannot draw TLS ticket keys: the system has no randomness");
}

bool TicketKeys::draw(Key& key) noexcept {
    const auto fill = [](auto& bytes) {
        return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1;
    };
    return fill(key.name) && fill(key.cipher) && fill(key.mac);
}

void TicketKeys::serve(SSL_CTX* context) noexcept {
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TicketKeys::on_ticket);
}

bool TicketKeys::age(Clock::time_point now) noexcept {
    if (now - drawn_at_ < ticket_key_age) return true;
    Key next;
    if (!draw(next)) return false;
    // After twice the age nobody has a ticket under the old key that would still be taken.
    if (now - drawn_at_ < 2 * ticket_key_age)
        previous_ = current_;
    else
        previous_.reset();
    current_ = next;
    drawn_at_ = now;
    return true;
}

const TicketKeys::Key* TicketKeys::named(const unsigned char* name) const noexcept {
    const auto has_name = [name](const Key& key) {
        return std::equal(key.name.begin(), key.name.end(), name);
    };
    if (has_name(current_)) return &current_;
    return previous_ && has_name(*previous_) ? &*previous_ : nullptr;
}

int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int sealing) noexcept {
    auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (!keys.age(Clock::now())) return failed;
    const Key* key = sealing ? &keys.current_ : keys.named(name);
    if (!key) return unknown_key;
    if (sealing) {
        std::copy(key->name.begin(), key->name.end(), name);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return failed;
    }
    const bool ready = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv,
                                         sealing) == 1 &&
                       start_mac(mac, key->mac);
    if (!ready) return failed;
    return sealing || key == &keys.current_ ? known_key : known_and_renew;
}

}  // namespace hpfeeds::net
