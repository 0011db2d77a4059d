/* SPDX-License-Identifier: Apache-2.0 */
#include <hpfeeds/hpfeeds.h>

#include <stdio.h>

int main(void) {
    hpfeeds_options *options = hpfeeds_options_new();
    char why[HPFEEDS_ERROR_TEXT_MAX] = "";
    hpfeeds_options_set(options, "host", "127.0.0.1");
    hpfeeds_options_set(options, "port", "1");
    hpfeeds_options_set(options, "reconnect", "false");
    hpfeeds_client *client = hpfeeds_client_new(options, why, sizeof why);
    hpfeeds_options_free(options);
    if (client != NULL) {
        fprintf(stderr, "somebody listens on port 1\n");
        return 1;
    }
    printf("%s: %s\n", hpfeeds_version(), why);
    return why[0] == '\0';
}
