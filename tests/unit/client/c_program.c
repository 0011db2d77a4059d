/* SPDX-License-Identifier: Apache-2.0 */
#include "c_program.h"

#include "hpfeeds/hpfeeds.h"

#include <string.h>

#define CHECK(condition) \
    do {                 \
        if (!(condition)) return __LINE__; \
    } while (0)

static hpfeeds_client *client_at(const char *port, const char *spool) {
    hpfeeds_options *options = hpfeeds_options_new();
    hpfeeds_options_set(options, "host", "127.0.0.1");
    hpfeeds_options_set(options, "port", port);
    hpfeeds_options_set(options, "ident", "me");
    hpfeeds_options_set(options, "secret", "secret");
    hpfeeds_options_set(options, "backoff_first_ms", "1");
    hpfeeds_options_set(options, "backoff_longest_ms", "5");
    if (spool != NULL) hpfeeds_options_set(options, "spool_path", spool);
    hpfeeds_client *client = hpfeeds_client_new(options, NULL, 0);
    hpfeeds_options_free(options);
    return client;
}

int publishes_and_closes(const char *port) {
    hpfeeds_client *client = client_at(port, NULL);
    CHECK(client != NULL);
    CHECK(hpfeeds_connect(client, 20000) == HPFEEDS_OK);
    CHECK(hpfeeds_publish(client, "chan", "one\0two", 7) == HPFEEDS_OK);
    CHECK(hpfeeds_publish(client, "chan", NULL, 0) == HPFEEDS_OK);
    CHECK(hpfeeds_flush(client, 20000) == HPFEEDS_OK);
    hpfeeds_stats stats = {.size = sizeof stats};
    CHECK(hpfeeds_get_stats(client, &stats) == HPFEEDS_OK);
    CHECK(stats.published == 2 && stats.sent == 2 && stats.connected == 1);
    CHECK(hpfeeds_close(client) == HPFEEDS_OK);
    CHECK(hpfeeds_publish(client, "chan", "late", 4) == HPFEEDS_CLOSED);
    CHECK(strstr(hpfeeds_last_error(client), "closed") != NULL);
    hpfeeds_client_free(client);
    return 0;
}

struct answering {
    hpfeeds_client *client;
    int messages;
};

static void answer(void *context, const hpfeeds_message *message) {
    struct answering *self = context;
    hpfeeds_publish(self->client, "out", message->payload, message->payload_size);
    if (message->channel_size != 2 || memcmp(message->channel, "in", 2) != 0) return;
    if (++self->messages == 3) hpfeeds_stop(self->client);
}

int reads_and_answers_in_a_callback(const char *port) {
    struct answering self = {client_at(port, NULL), 0};
    CHECK(self.client != NULL);
    CHECK(hpfeeds_subscribe(self.client, "in") == HPFEEDS_OK);
    hpfeeds_message message;
    CHECK(hpfeeds_read(self.client, &message, 20000) == HPFEEDS_OK);
    CHECK(message.payload_size == 5 && memcmp(message.payload, "first", 5) == 0);
    CHECK(message.ident_size == 3 && memcmp(message.ident, "you", 3) == 0);
    CHECK(hpfeeds_run(self.client, answer, NULL, &self) == HPFEEDS_OK);
    CHECK(self.messages == 3);
    CHECK(hpfeeds_read(self.client, &message, -1) == HPFEEDS_INTERRUPTED);
    hpfeeds_client_free(self.client);
    return 0;
}

static void note_error(void *context, hpfeeds_error error, const char *text) {
    struct answering *self = context;
    if (error == HPFEEDS_AUTHENTICATION_FAILED && strstr(text, "failed for me") != NULL) {
        self->messages = 1;
        hpfeeds_stop(self->client);
    }
}

int hears_a_refusal(const char *port) {
    struct answering self = {client_at(port, NULL), 0};
    CHECK(self.client != NULL);
    CHECK(hpfeeds_run(self.client, answer, note_error, &self) == HPFEEDS_OK);
    CHECK(self.messages == 1);
    hpfeeds_client_free(self.client);
    return 0;
}

int says_what_is_wrong_with_options(void) {
    hpfeeds_options *options = hpfeeds_options_new();
    CHECK(hpfeeds_options_set(options, "colour", "blue") == HPFEEDS_BAD_ARGUMENT);
    CHECK(strstr(hpfeeds_last_error(NULL), "no option 'colour'") != NULL);
    CHECK(hpfeeds_options_set(options, "port", "70000") == HPFEEDS_BAD_ARGUMENT);
    CHECK(hpfeeds_options_set(options, "port", "10k") == HPFEEDS_BAD_ARGUMENT);
    CHECK(hpfeeds_options_set(options, "reconnect", "maybe") == HPFEEDS_BAD_ARGUMENT);
    CHECK(hpfeeds_options_set(options, "timeout_ms", "0") == HPFEEDS_OK);
    char why[HPFEEDS_ERROR_TEXT_MAX];
    CHECK(hpfeeds_client_new(options, why, sizeof why) == NULL);
    CHECK(strstr(why, "options.timeout") != NULL);
    char little[8];
    CHECK(hpfeeds_client_new(options, little, sizeof little) == NULL);
    CHECK(strlen(little) == 7);
    CHECK(hpfeeds_client_new(NULL, why, sizeof why) == NULL);
    CHECK(strlen(hpfeeds_error_text(HPFEEDS_TIMED_OUT)) > 0);
    CHECK(strcmp(hpfeeds_error_text((hpfeeds_error)999), "unknown") == 0);
    hpfeeds_options_free(options);
    hpfeeds_options_free(NULL);
    hpfeeds_client_free(NULL);
    return 0;
}

int spools(const char *port, const char *path) {
    hpfeeds_client *client = client_at(port, path);
    CHECK(client != NULL);
    CHECK(hpfeeds_publish(client, "chan", "one", 3) == HPFEEDS_OK);
    hpfeeds_stats stats = {.size = sizeof stats};
    CHECK(hpfeeds_get_stats(client, &stats) == HPFEEDS_OK);
    CHECK(stats.spooled_messages == 1);
    stats.size = 4;
    CHECK(hpfeeds_get_stats(client, &stats) == HPFEEDS_BAD_ARGUMENT);
    CHECK(client_at(port, path) == NULL);
    hpfeeds_client_free(client);
    return 0;
}
