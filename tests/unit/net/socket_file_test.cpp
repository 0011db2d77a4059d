// SPDX-License-Identifier: Apache-2.0
#include "net/socket_file.hpp"

#include "hpfeeds/error.hpp"
#include "net/descriptor.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace hpfeeds::net {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class SocketFileTest : public testing::Test {
protected:
    static Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM, 0)); }

    // Listens, as a broker does.
    struct Listening {
        Descriptor socket = new_socket();
        SocketFile file;
        Listening(const std::string& path, mode_t mode = 0600)
            : file(socket.get(), {path, mode}, "unix:the endpoint") {}
    };
    // Leaves the file of a socket at which nobody listens any more.
    void die_at(const std::string& path) {
        Listening dead(path);
        dead.file.leave();
    }
    std::string error_at(const std::string& path) {
        try {
            const Listening attempt(path);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }
    static bool reachable(const std::string& path) {
        const Descriptor client = new_socket();
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.copy(to.sun_path, path.size());
        return connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }

    support::TemporaryDirectory folder_;
    std::string path_ = folder_.file("socket");
};

TEST_F(SocketFileTest, IsThereWhileItLives) {
    {
        const Listening listening(path_);
        EXPECT_TRUE(reachable(path_));
    }
    EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SocketFileTest, HasItsModeWhateverTheUmask) {
    const mode_t before = umask(0077);
    const Listening listening(path_, 0662);
    umask(before);
    EXPECT_EQ(static_cast<unsigned>(fs::status(path_).permissions()), 0662U);
}

TEST_F(SocketFileTest, TakesTheOneOfADeadBroker) {
    die_at(path_);
    ASSERT_TRUE(fs::exists(path_));
    ASSERT_FALSE(reachable(path_));
    const Listening listening(path_);
    EXPECT_TRUE(reachable(path_));
}

TEST_F(SocketFileTest, LeavesALiveOneAlone) {
    const Listening first(path_);
    EXPECT_THAT(error_at(path_), AllOf(HasSubstr("cannot listen on unix:the endpoint"),
                                       HasSubstr("another program listens there")));
    EXPECT_TRUE(reachable(path_));
}

TEST_F(SocketFileTest, LeavesAloneWhatIsNoSocket) {
    std::ofstream(path_) << "precious";
    EXPECT_THAT(error_at(path_), HasSubstr("is no socket"));
    std::string text;
    std::ifstream(path_) >> text;
    EXPECT_EQ(text, "precious");
}

TEST_F(SocketFileTest, LeavesALinkAlone) {
    die_at(folder_.file("elsewhere"));
    fs::create_symlink(folder_.file("elsewhere"), path_);
    EXPECT_THAT(error_at(path_), HasSubstr("is no socket"));
    EXPECT_TRUE(fs::exists(folder_.file("elsewhere")));
}

TEST_F(SocketFileTest, LeavesADatagramSocketAlone) {
    const Descriptor other(::socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path_.copy(at.sun_path, path_.size());
    ASSERT_EQ(bind(other.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_THAT(error_at(path_), HasSubstr("another program listens there"));
}

TEST_F(SocketFileTest, RemovesNobodyElsesFile) {
    {
        const Listening first(path_);
        fs::remove(path_);
        Listening second(path_);
        second.file.leave();
    }
    EXPECT_TRUE(fs::exists(path_)) << "the second one's, which was left";
}

TEST_F(SocketFileTest, MovesWithItsOwner) {
    Listening listening(path_);
    SocketFile owner = std::move(listening.file);
    listening.file = SocketFile();
    EXPECT_TRUE(fs::exists(path_));
    owner = SocketFile();
    EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SocketFileTest, SaysWhenThereIsNoFolder) {
    EXPECT_THAT(error_at(folder_.file("no/socket")), HasSubstr("make its folder first"));
}

TEST_F(SocketFileTest, SaysWhenThePathIsTooLong) {
    EXPECT_THAT(error_at("/" + std::string(107, 'p')),
                AllOf(HasSubstr("108 bytes"), HasSubstr("107"), HasSubstr("shorter")));
}

}  // namespace
}  // namespace hpfeeds::net
