// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.hpp"

#include "unit/net/tls_pair.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace hpfeeds::net {
namespace {

using namespace testing;
using Status = Transfer::Status;

class TlsStreamTest : public ::testing::TestWithParam<int> {
protected:
    TlsStreamTest() : pair(context(), identity().certificate, {.version = GetParam()}) {
        EXPECT_EQ(pair.shake_hands(), Handshake::Step::done);
        stream = pair.handshake.take_stream();
        stream->move_in(scratch);
    }
    static const Identity& identity() {
        static const Identity made = make_identity();
        return made;
    }
    static std::shared_ptr<const TlsContext> context() {
        static const auto made = TlsContext::load(files_of(identity()));
        return made;
    }

    [[nodiscard]] int fd() const { return pair.sockets.ours.get(); }
    Transfer receive(std::span<std::byte> room) {
        return stream->receive(fd(), room, scratch, pool);
    }
    // What the stream has, read with a room of so many bytes, until it wants to wait.
    std::string receive_all(std::size_t room_bytes, Status end = Status::later) {
        std::string all;
        std::vector<std::byte> room(room_bytes);
        for (;;) {
            const Transfer transfer = receive(room);
            if (transfer.status != Status::done) {
                EXPECT_EQ(transfer.status, end);
                return all;
            }
            all.append(reinterpret_cast<const char*>(room.data()), transfer.bytes);
        }
    }
    void say(std::string_view plaintext) {
        pair.client->encrypt(plaintext);
        pair.sockets.say(pair.client->take_output());
    }
    std::string heard() {
        std::string plaintext;
        EXPECT_TRUE(pair.client->decrypt(pair.sockets.heard(), plaintext));
        return plaintext;
    }
    Transfer send(std::span<const std::span<const std::byte>> pieces, std::size_t queued) {
        return stream->send(fd(), pieces, queued, scratch, pool);
    }
    Transfer send(const std::string& text) {
        const std::array<std::span<const std::byte>, 1> pieces{std::as_bytes(std::span(text))};
        return send(pieces, text.size());
    }
    void make_socket_small() {
        const int bytes = 4096;
        setsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }

    bytes::MemoryBudget budget{64U << 20};
    bytes::SlabPool pool{budget};
    TlsScratch scratch;
    TlsPair pair;
    std::unique_ptr<TlsStream> stream;
};

std::string noise(std::size_t bytes) {
    static std::mt19937 chance(7);
    std::string text(bytes, '\0');
    std::generate(text.begin(), text.end(), [] { return static_cast<char>(chance()); });
    return text;
}

TEST_P(TlsStreamTest, ReceivesWhatWasSaid) {
    EXPECT_EQ(receive_all(100), "");
    say("one");
    say("two");
    EXPECT_EQ(receive_all(100), "onetwo");
    const std::string much = noise(100'000);
    say(much);
    std::string all = receive_all(64 * 1024);
    EXPECT_EQ(all, much);
}

TEST_P(TlsStreamTest, SaysThatItHasMoreThanTheRoomTook) {
    say("0123456789");
    std::array<std::byte, 4> room;
    EXPECT_EQ(receive(room).bytes, 4U);
    EXPECT_TRUE(stream->has_more()) << "epoll knows nothing of these six";
    EXPECT_EQ(receive(room).bytes, 4U);
    EXPECT_TRUE(stream->has_more());
    EXPECT_EQ(receive(room).bytes, 2U);
    EXPECT_FALSE(stream->has_more());
}

TEST_P(TlsStreamTest, TakesABoundedAmountOfTinyRecordsAtOnce) {
    std::string records;
    for (int count = 0; count < 6'000; ++count)
        pair.client->encrypt("x");
    records = pair.client->take_output();
    std::string all;
    std::vector<std::byte> room(64 * 1024);
    std::size_t said = 0, most = 0;
    while (said < records.size()) {
        const ssize_t taken =
            ::send(pair.sockets.theirs.get(), records.data() + said, records.size() - said, 0);
        if (taken > 0) said += static_cast<std::size_t>(taken);
        const Transfer transfer = receive(room);
        most = std::max(most, transfer.bytes);
        all.append(reinterpret_cast<const char*>(room.data()), transfer.bytes);
    }
    all += receive_all(64 * 1024);
    EXPECT_EQ(all, std::string(6'000, 'x'));
    EXPECT_LE(most, ciphertext_per_read_bytes_max / 20) << "a record is more than 20 bytes";
}

TEST_P(TlsStreamTest, ReadsTornRecords) {
    const std::string text = noise(40'000);
    pair.client->encrypt(text);
    const std::string records = pair.client->take_output();
    std::string all;
    for (std::size_t at = 0; at < records.size(); at += 997) {
        pair.sockets.say(std::string_view(records).substr(at, 997));
        all += receive_all(1'000);
    }
    EXPECT_EQ(all, text);
}

TEST_P(TlsStreamTest, SendsPiecesAsFullRecords) {
    const std::string text = noise(40'000);
    const auto all = std::as_bytes(std::span(text));
    const std::array pieces{all.subspan(0, 10), all.subspan(10, 20'000), all.subspan(20'010, 1),
                            all.subspan(20'011)};
    const Transfer transfer = send(pieces, text.size());
    EXPECT_EQ(transfer.status, Status::done);
    EXPECT_EQ(transfer.bytes, 40'000U);
    const std::string records = pair.sockets.heard();
    std::size_t count = 0;
    for (std::size_t at = 0; at < records.size(); ++count)
        at += 5U + (static_cast<unsigned char>(records[at + 3]) << 8U) +
              static_cast<unsigned char>(records[at + 4]);
    EXPECT_EQ(count, 3U) << "16384 + 16384 + 7232";
    std::string plaintext;
    EXPECT_TRUE(pair.client->decrypt(records, plaintext));
    EXPECT_EQ(plaintext, text);
}

TEST_P(TlsStreamTest, TakesNoMoreThanSomeRecordsAtOnce) {
    const std::string text = noise(200'000);
    std::string plaintext;
    std::size_t sent = 0;
    while (sent < text.size()) {
        const auto rest = std::as_bytes(std::span(text)).subspan(sent);
        const std::array pieces{rest};
        const Transfer transfer = send(pieces, rest.size());
        ASSERT_NE(transfer.status, Status::broken);
        EXPECT_LE(transfer.bytes, records_per_send * record_bytes_max);
        sent += transfer.bytes;
        plaintext += heard();
    }
    EXPECT_EQ(plaintext, text);
}

// The queue must not look empty while its last byte has not left.
TEST_P(TlsStreamTest, OwesTheLastByteUntilTheSocketHasTakenTheRecord) {
    make_socket_small();
    const std::string text = noise(48'000);
    Transfer transfer = send(text);
    EXPECT_EQ(transfer.status, Status::later);
    EXPECT_EQ(transfer.bytes, text.size() - 1);
    EXPECT_TRUE(stream->holds_unsent());
    const std::string last = text.substr(text.size() - 1);
    EXPECT_EQ(send(last).bytes, 0U) << "nothing was read meanwhile";
    std::string plaintext;
    do {
        plaintext += heard();
        transfer = send(last);
    } while (transfer.status == Status::later);
    EXPECT_EQ(transfer.status, Status::done);
    EXPECT_EQ(transfer.bytes, 1U);
    EXPECT_FALSE(stream->holds_unsent());
    plaintext += heard();
    EXPECT_EQ(plaintext, text) << "and the last byte only once";
    EXPECT_EQ(budget.in_use_bytes(), 0U) << "the slab has gone home";
}

TEST_P(TlsStreamTest, OwesNothingWhileMoreIsQueued) {
    make_socket_small();
    const std::string text = noise(48'000);
    const std::array pieces{std::as_bytes(std::span(text))};
    const Transfer transfer = send(pieces, text.size() + 1);
    EXPECT_EQ(transfer.status, Status::later);
    EXPECT_EQ(transfer.bytes, text.size());
}

TEST_P(TlsStreamTest, HearsAGoodbyeBehindTheLastWords) {
    say("last words");
    pair.client->say_goodbye();
    pair.sockets.say(pair.client->take_output());
    EXPECT_EQ(receive_all(100, Status::closed), "last words");
    EXPECT_FALSE(stream->was_violated());
    EXPECT_EQ(send("still").status, Status::done) << "our direction is open";
    EXPECT_EQ(heard(), "still");
}

// client-quirk 7
TEST_P(TlsStreamTest, TakesAnEndWithoutGoodbyeForOne) {
    say("last words");
    pair.sockets.theirs.reset();
    EXPECT_EQ(receive_all(3, Status::closed), "last words");
    EXPECT_FALSE(stream->was_violated());
}

TEST_P(TlsStreamTest, IsBrokenByARecordThatWasTamperedWith) {
    pair.client->encrypt("text");
    std::string record = pair.client->take_output();
    record.back() = static_cast<char>(record.back() ^ 1);
    pair.sockets.say(record);
    EXPECT_EQ(receive_all(100, Status::broken), "");
    EXPECT_TRUE(stream->was_violated());
    EXPECT_EQ(send("anything").status, Status::broken);
}

TEST_P(TlsStreamTest, IsBrokenByPlaintext) {
    say("good");
    pair.sockets.say(std::string("\0\0\0\x10\x03plaintext!!", 16));
    EXPECT_EQ(receive_all(100, Status::broken), "good");
    EXPECT_TRUE(stream->was_violated());
}

TEST_P(TlsStreamTest, IsBrokenByAPeerThatIsGone) {
    pair.sockets.theirs.reset();
    EXPECT_EQ(send("text").status, Status::broken) << "and no SIGPIPE";
}

TEST_P(TlsStreamTest, SaysGoodbyeOnceAndBehindWhatIsUnsent) {
    make_socket_small();
    const std::string text = noise(48'000);
    EXPECT_EQ(send(text).status, Status::later);
    stream->say_goodbye(fd(), scratch, pool);
    stream->say_goodbye(fd(), scratch, pool);
    EXPECT_TRUE(stream->said_goodbye());
    std::string plaintext;
    while (stream->holds_unsent()) {
        plaintext += heard();
        (void)send({}, 0);
    }
    plaintext += heard();
    EXPECT_EQ(plaintext, text);
    EXPECT_TRUE(pair.client->heard_goodbye());
}

TEST_P(TlsStreamTest, GivesUpNothingOfItsSessionWhenItDies) {
    const std::string session = pair.client->session();
    stream.reset();
    TlsPair again(context(), identity().certificate, {.version = GetParam(), .session = session});
    EXPECT_EQ(again.shake_hands(), Handshake::Step::done);
    EXPECT_TRUE(again.client->resumed());
}

INSTANTIATE_TEST_SUITE_P(TlsStream, TlsStreamTest,
                         ::testing::Values(support::tls12, support::tls13),
                         [](const auto& version) {
                             return version.param == support::tls12 ? "Tls12" : "Tls13";
                         });

// ---- key updates, which TLS 1.3 alone has

class KeyUpdates : public TlsStreamTest {};
INSTANTIATE_TEST_SUITE_P(TlsStream, KeyUpdates, ::testing::Values(support::tls13));

TEST_P(KeyUpdates, OfThePeerAreFollowedAndAnswered) {
    say("old");
    pair.client->change_keys(true);
    say("new");
    EXPECT_EQ(receive_all(100), "oldnew");
    EXPECT_EQ(send("under the key we were asked for").status, Status::done);
    EXPECT_EQ(heard(), "under the key we were asked for");
}

// More answers than there is room for at once, to a peer that reads: there is room again at once.
TEST_P(KeyUpdates, ThatComeInABurstAreAllAnswered) {
    std::string burst;
    for (int count = 0; count < 400; ++count) {
        pair.client->change_keys(true);
        burst += pair.client->take_output();
    }
    pair.client->encrypt("behind them");
    burst += pair.client->take_output();
    pair.sockets.say(burst);
    std::string all;
    do
        all += receive_all(100);
    while (stream->has_more());
    EXPECT_EQ(all, "behind them");
    EXPECT_EQ(send("and back").status, Status::done);
    EXPECT_EQ(heard(), "and back");
}

// The answer has to wait behind what the peer does not read, and so do we: it shall not grow.
TEST_P(KeyUpdates, OfAPeerThatDoesNotReadCostNoMemory) {
    make_socket_small();
    const std::string text = noise(48'000);
    EXPECT_EQ(send(text).status, Status::later);
    const std::size_t held = budget.in_use_bytes();
    int heard_of = 0;
    const auto ask = [&] {
        pair.client->change_keys(true);
        say("x");
        return receive_all(100) == "x";
    };
    while (ask())
        ASSERT_LT(++heard_of, 10'000) << "answers are kept without end";
    for (int count = 0; count < 20; ++count)
        EXPECT_FALSE(ask()) << "it is not read from any more";
    EXPECT_EQ(budget.in_use_bytes(), held);
    // It reads again: everything it said is carried out, and what it was owed comes.
    std::string plaintext;
    const std::string last = text.substr(text.size() - 1);
    for (Transfer transfer; transfer.bytes != 1;) {
        plaintext += heard();
        transfer = send(last);
    }
    plaintext += heard();
    EXPECT_EQ(plaintext, text);
    EXPECT_TRUE(stream->has_more());
    EXPECT_EQ(receive_all(100), std::string(21, 'x'));
    EXPECT_EQ(send("after all that").status, Status::done);
    EXPECT_EQ(heard(), "after all that");
}

TEST_P(KeyUpdates, OfOursComeBeforeAKeyIsWornOut) {
    TlsPair fresh(context(), identity().certificate, {.version = support::tls13});
    ASSERT_EQ(fresh.shake_hands(), Handshake::Step::done);
    const std::string session = fresh.client->session();
    // A stream whose keys last for four records.
    Handshake& handshake = fresh.handshake;
    std::unique_ptr<TlsStream> weary = handshake.take_stream(4);
    weary->move_in(scratch);
    std::size_t bytes_of_first = 0, longer = 0;
    std::string plaintext;
    for (int count = 0; count < 20; ++count) {
        const std::string text = "twenty times the same";
        const std::array<std::span<const std::byte>, 1> pieces{std::as_bytes(std::span(text))};
        EXPECT_EQ(weary->send(fresh.sockets.ours.get(), pieces, text.size(), scratch, pool).bytes,
                  text.size());
        const std::string records = fresh.sockets.heard();
        if (count == 0) bytes_of_first = records.size();
        if (records.size() > bytes_of_first) ++longer;
        std::string came;
        EXPECT_TRUE(fresh.client->decrypt(records, came));
        EXPECT_EQ(came, text);
    }
    EXPECT_EQ(longer, 4U) << "a key update stood before every fifth record";
}

}  // namespace
}  // namespace hpfeeds::net
