/* SPDX-License-Identifier: Apache-2.0
 * sensor CHANNEL TEXT: a honeypot in C. cc sensor.c $(pkg-config --cflags --libs hpfeeds) */
#include <hpfeeds/hpfeeds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(hpfeeds_options *options, const char *name, const char *variable) {
    const char *value = getenv(variable);
    if (value != NULL && hpfeeds_options_set(options, name, value) != HPFEEDS_OK)
        fprintf(stderr, "sensor: %s\n", hpfeeds_last_error(NULL));
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: sensor CHANNEL TEXT\n"), 2;
    hpfeeds_options *options = hpfeeds_options_new();
    set(options, "host", "HPFEEDS_HOST");
    set(options, "port", "HPFEEDS_PORT");
    set(options, "ident", "HPFEEDS_IDENT");
    set(options, "secret", "HPFEEDS_SECRET");
    char why[HPFEEDS_ERROR_TEXT_MAX];
    hpfeeds_client *client = hpfeeds_client_new(options, why, sizeof why);
    hpfeeds_options_free(options);
    if (client == NULL) return fprintf(stderr, "sensor: %s\n", why), 1;
    int status = 0;
    if (hpfeeds_publish(client, argv[1], argv[2], strlen(argv[2])) != HPFEEDS_OK ||
        hpfeeds_close(client) != HPFEEDS_OK) {
        fprintf(stderr, "sensor: %s\n", hpfeeds_last_error(client));
        status = 1;
    }
    hpfeeds_client_free(client);
    return status;
}
