/* SPDX-License-Identifier: Apache-2.0
 * hpfeeds.h: the blocking client for C, and for languages that call C.
 *
 *     hpfeeds_options *options = hpfeeds_options_new();
 *     hpfeeds_options_set(options, "host", "broker.example");
 *     hpfeeds_options_set(options, "ident", "sensor-17");
 *     hpfeeds_options_set(options, "secret", secret);
 *     char why[HPFEEDS_ERROR_TEXT_MAX];
 *     hpfeeds_client *client = hpfeeds_client_new(options, why, sizeof why);
 *     hpfeeds_options_free(options);
 *     if (client == NULL) { fprintf(stderr, "%s\n", why); return 1; }
 *     hpfeeds_publish(client, "dionaea.capture", json, strlen(json));
 *     hpfeeds_client_free(client);
 *
 * It is hpfeeds::Client, and everything that client.hpp and docs/IMPLEMENTORS.md say of that holds
 * here: a thread of its own keeps the session alive, what is published waits in an outbox or in a
 * spool, and hpfeeds_stop() is async-signal-safe.
 *
 * Errors     functions return HPFEEDS_OK or a code; hpfeeds_last_error() then has a line for a
 *            person. No C++ exception leaves the library.
 * Ownership  every *_new has its *_free, which takes NULL. What is passed in is copied. Pointers
 *            that are handed out say until when they live.
 * Threads    as in client.hpp: one thread at a time reads; all else from any thread.
 * Strings    idents, channels and options are zero-terminated; payloads are bytes with a length. An
 *            ident or a channel with a zero byte in it, which hpfeeds allows, is cut there.
 */
#ifndef HPFEEDS_HPFEEDS_H
#define HPFEEDS_HPFEEDS_H

#include <stddef.h>
#include <stdint.h>

#ifndef HPFEEDS_API
#define HPFEEDS_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define HPFEEDS_ERROR_TEXT_MAX 512 /* enough for every text of this library */

/* The values of hpfeeds::Errc, and two that C needs. New ones may be added at the end. */
typedef enum hpfeeds_error {
    HPFEEDS_OK = 0,
    HPFEEDS_CLOSED_BY_BROKER = 1,
    HPFEEDS_TIMED_OUT = 2,
    HPFEEDS_INTERRUPTED = 3, /* hpfeeds_stop() was called */
    HPFEEDS_HOST_NOT_FOUND = 4,
    HPFEEDS_CERTIFICATE_UNUSABLE = 5,
    HPFEEDS_CERTIFICATE_REFUSED = 6,
    HPFEEDS_TLS_FAILED = 7,
    HPFEEDS_IDENT_TOO_LONG = 8,
    HPFEEDS_CHANNEL_TOO_LONG = 9,
    HPFEEDS_PAYLOAD_TOO_LARGE = 10,
    HPFEEDS_AUTHENTICATION_FAILED = 11, /* the broker said no to ident and secret */
    HPFEEDS_PUBLISH_REFUSED = 12,       /* … to a channel that was published on */
    HPFEEDS_SUBSCRIBE_REFUSED = 13,     /* … to a channel that was subscribed to */
    HPFEEDS_READER_TOO_SLOW = 14,
    HPFEEDS_REFUSED = 15, /* another ERROR of the broker; hpfeeds_last_error() has its text */
    HPFEEDS_NOT_HPFEEDS = 16,
    HPFEEDS_CLOSED = 17,
    HPFEEDS_NO_ROOM = 18,
    HPFEEDS_UNSENT = 19,
    HPFEEDS_UNCONFIRMED = 20,
    HPFEEDS_SPOOL_UNUSABLE = 21,
    HPFEEDS_SPOOL_LOCKED = 22,
    HPFEEDS_SPOOL_FULL = 23,
    HPFEEDS_BAD_ARGUMENT = 1000, /* an option that does not exist or makes no sense, or NULL */
    HPFEEDS_SYSTEM = 1001        /* the system's own: connection refused, no route, no memory … */
} hpfeeds_error;

/* A fixed sentence for a code, alive for ever. */
HPFEEDS_API const char *hpfeeds_error_text(hpfeeds_error error);
/* "0.1.0". */
HPFEEDS_API const char *hpfeeds_version(void);

/* --- Options ----------------------------------------------------------------------------------- */

typedef struct hpfeeds_options hpfeeds_options;
/* The defaults of hpfeeds::ClientOptions. NULL: no memory. */
HPFEEDS_API hpfeeds_options *hpfeeds_options_new(void);
HPFEEDS_API void hpfeeds_options_free(hpfeeds_options *options);
/* Names and values are text, so that a configuration file can be handed through:
 *     host, port, ident, secret
 *     timeout_ms                    [10000]
 *     reconnect                     true or false [true]
 *     backoff_first_ms, backoff_longest_ms            [500, 30000]
 *     tls                           true or false [false]
 *     tls_trusted_file              a PEM file; turns tls on
 *     keepalive_idle_s, keepalive_interval_s, keepalive_count    [10, 5, 3]
 *     outbox_bytes_max, outbox_age_max_ms             [16777216, 3600000]
 *     spool_path, spool_bytes_max, spool_age_max_ms   [none, 268435456, 604800000]
 * HPFEEDS_BAD_ARGUMENT: there is no such name, or the value is not of its kind. */
HPFEEDS_API hpfeeds_error hpfeeds_options_set(hpfeeds_options *options, const char *name,
                                              const char *value);

/* --- The session ------------------------------------------------------------------------------- */

typedef struct hpfeeds_client hpfeeds_client;
/* Starts a session. NULL: `why`, when it is not NULL, has a line that says why. */
HPFEEDS_API hpfeeds_client *hpfeeds_client_new(const hpfeeds_options *options, char *why,
                                               size_t why_size);
/* hpfeeds_close(), whatever comes of it. */
HPFEEDS_API void hpfeeds_client_free(hpfeeds_client *client);
HPFEEDS_API hpfeeds_error hpfeeds_connect(hpfeeds_client *client, int timeout_ms);
HPFEEDS_API hpfeeds_error hpfeeds_close(hpfeeds_client *client);
/* Of the last call of this thread that failed; alive until its next call that fails. */
HPFEEDS_API const char *hpfeeds_last_error(const hpfeeds_client *client);

typedef struct hpfeeds_stats {
    size_t size; /* in: sizeof(hpfeeds_stats), so that the structure may grow */
    int connected;
    uint64_t connections, published, sent, sent_again;
    uint64_t dropped_for_room, dropped_for_age, refused, spool_failures;
    uint64_t unsent_messages, unsent_bytes, spooled_messages;
} hpfeeds_stats;
HPFEEDS_API hpfeeds_error hpfeeds_get_stats(const hpfeeds_client *client, hpfeeds_stats *stats);

/* --- Publishing and reading -------------------------------------------------------------------- */

HPFEEDS_API hpfeeds_error hpfeeds_publish(hpfeeds_client *client, const char *channel,
                                          const void *payload, size_t payload_size);
HPFEEDS_API hpfeeds_error hpfeeds_flush(hpfeeds_client *client, int timeout_ms);
HPFEEDS_API hpfeeds_error hpfeeds_subscribe(hpfeeds_client *client, const char *channel);
HPFEEDS_API hpfeeds_error hpfeeds_unsubscribe(hpfeeds_client *client, const char *channel);

/* Bytes, without a zero behind the names. */
typedef struct hpfeeds_message {
    const char *ident;
    size_t ident_size;
    const char *channel;
    size_t channel_size;
    const void *payload;
    size_t payload_size;
} hpfeeds_message;

/* Waits for a message; -1: for ever. Its pointers live until the next call that reads.
 * HPFEEDS_TIMED_OUT, HPFEEDS_INTERRUPTED, or what the broker refused; the next call goes on. */
HPFEEDS_API hpfeeds_error hpfeeds_read(hpfeeds_client *client, hpfeeds_message *message,
                                       int timeout_ms);

typedef void (*hpfeeds_on_message)(void *context, const hpfeeds_message *message);
/* `text` lives until the callback returns. HPFEEDS_SYSTEM and the network's other codes: the client
 * tries again by itself. */
typedef void (*hpfeeds_on_error)(void *context, hpfeeds_error error, const char *text);
/* Reads until hpfeeds_stop(), or until the session is over. Callbacks may publish and stop, and must
 * not throw or longjmp out. `on_error` may be NULL. */
HPFEEDS_API hpfeeds_error hpfeeds_run(hpfeeds_client *client, hpfeeds_on_message on_message,
                                      hpfeeds_on_error on_error, void *context);
/* Ends hpfeeds_run() and hpfeeds_read(), for ever. Async-signal-safe. */
HPFEEDS_API void hpfeeds_stop(hpfeeds_client *client);

#ifdef __cplusplus
}
#endif

#endif
