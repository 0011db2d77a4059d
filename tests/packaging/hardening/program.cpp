// SPDX-License-Identifier: Apache-2.0
// A little of everything that hardening changes: a buffer on the stack, a copy whose length is not
// known, calls through pointers. It is built and looked at, never run.
#include <cstdio>
#include <cstring>

struct Echo {
    virtual ~Echo() = default;
    virtual int say(const char* text) const {
        char copy[64];
        std::strcpy(copy, text);
        return std::puts(copy);
    }
};

struct Twice : Echo {
    int say(const char* text) const override { return Echo::say(text) + Echo::say(text); }
};

struct Reversed : Echo {
    int say(const char* text) const override {
        char copy[64];
        const std::size_t length = std::strlen(text);
        for (std::size_t i = 0; i < length; ++i) {
            copy[i] = text[length - 1 - i];
        }
        copy[length] = '\0';
        return Echo::say(copy);
    }
};

int main(int count, char** arguments) {
    const Twice twice;
    const Reversed reversed;
    const Echo& chosen = count > 2 ? static_cast<const Echo&>(twice) : reversed;
    return chosen.say(arguments[0]) < 0 ? 1 : 0;
}
