// SPDX-License-Identifier: Apache-2.0
#include "service/notifier.hpp"

#include "hpfeeds/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <cstring>
#include <string>

namespace hpfeeds::service {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// An abstract socket of a name that the kernel chooses.
class Manager {
public:
    Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socklen_t size = sizeof address.sun_family;
        ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size);
        size = sizeof address;
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        name_ = "@" + std::string(address.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
    }
    [[nodiscard]] const std::string& name() const { return name_; }
    // What was said last; a datagram of a local socket is there when sending it has returned.
    std::string heard() {
        std::array<char, 1024> text{};
        const ssize_t count = ::recv(socket_.get(), text.data(), text.size(), 0);
        return count < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(count));
    }

private:
    net::Descriptor socket_;
    std::string name_;
};

TEST(Notifier, SaysWhatTheProtocolSays) {
    Manager manager;
    Notifier notifier(manager.name());
    EXPECT_TRUE(notifier.anybody());
    notifier.ready("all\nis well");
    EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=all is well");
    notifier.reloading();
    EXPECT_THAT(manager.heard(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    notifier.stopping("bye");
    EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=bye");
    notifier.status("busy");
    EXPECT_EQ(manager.heard(), "STATUS=busy");
    notifier.alive();
    EXPECT_EQ(manager.heard(), "WATCHDOG=1");
    notifier.main_process(42);
    EXPECT_EQ(manager.heard(), "MAINPID=42");
    notifier.keep("name", STDERR_FILENO);
    EXPECT_EQ(manager.heard(), "FDSTORE=1\nFDNAME=name");
    notifier.forget("name");
    EXPECT_EQ(manager.heard(), "FDSTOREREMOVE=1\nFDNAME=name");
}

TEST(Notifier, KeepsNothingUnderANameThatIsTooLong) {
    Manager manager;
    Notifier notifier(manager.name());
    notifier.keep(std::string(256, 'n'), STDERR_FILENO);
    EXPECT_EQ(manager.heard(), "nothing");
}

TEST(Notifier, TellsNobodyWhenNobodyAsked) {
    Notifier notifier;
    EXPECT_FALSE(notifier.anybody());
    notifier.ready("to nobody");
}

TEST(Notifier, RefusesWhatIsNoAddress) {
    for (const std::string& address :
         {std::string("vsock:2:1"), std::string("/"), std::string(200, '/')}) {
        try {
            const Notifier notifier(address);
            FAIL() << address;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr("NOTIFY_SOCKET"));
        }
    }
}

}  // namespace
}  // namespace hpfeeds::service
