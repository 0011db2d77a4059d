// SPDX-License-Identifier: Apache-2.0
#include "auth/json_accounts.hpp"

#include "auth/account_rules.hpp"
#include "auth/limits.hpp"
#include "auth/names.hpp"
#include "hpfeeds/error.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>

namespace hpfeeds::auth {
namespace {

using Json = nlohmann::json;

// Builds accounts while the text is parsed: no tree of a large file is ever made, and what appears
// twice is noticed.
class AccountsReader final : public nlohmann::json_sax<Json> {
public:
    [[nodiscard]] std::vector<core::Account> take_accounts() { return std::move(accounts_); }
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

    bool null() override { return other_value("null"); }
    bool boolean(bool) override { return other_value("a boolean"); }
    bool number_integer(number_integer_t) override { return other_value("a number"); }
    bool number_unsigned(number_unsigned_t) override { return other_value("a number"); }
    bool number_float(number_float_t, const string_t&) override { return other_value("a number"); }
    bool binary(binary_t&) override { return other_value("binary data"); }

    bool string(string_t& text) override {
        if (depth_ < in_entry) return refuse_shape("a string");
        if (field_ == Field::unknown) return true;
        if (depth_ == in_entry) {
            if (is_list(field_)) return refuse_type("a string");
            (field_ == Field::secret ? entry_.secret : entry_.owner) = std::move(text);
            return true;
        }
        channels().push_back(std::move(text));
        return true;
    }

    bool start_object(std::size_t) override {
        if (depth_ == in_entry && field_ != Field::unknown) return refuse_type("a mapping");
        if (depth_ > in_entry && field_ != Field::unknown) return refuse_item("a mapping");
        if (depth_ == in_file) begin_entry();
        return descend();
    }
    bool end_object() override {
        --depth_;
        return depth_ != in_file || end_entry();
    }
    bool start_array(std::size_t) override {
        if (depth_ < in_entry) return refuse_shape("a list");
        if (depth_ == in_entry && field_ != Field::unknown && !is_list(field_))
            return refuse_type("a list");
        if (depth_ > in_entry && field_ != Field::unknown) return refuse_item("a list");
        return descend();
    }
    bool end_array() override {
        --depth_;
        return true;
    }

    bool key(string_t& name) override {
        if (depth_ == in_file) return begin_ident(name);
        if (depth_ == in_entry) return begin_field(name);
        return true;
    }

    bool parse_error(std::size_t, const std::string&,
                     const nlohmann::detail::exception& error) override {
        fault_ = described(error.what());
        return false;
    }

private:
    enum class Field : std::size_t { owner, secret, pubchans, subchans, unknown };
    static constexpr std::array<std::string_view, 4> field_names{"owner", "secret", "pubchans",
                                                                 "subchans"};
    // How many brackets are open.
    static constexpr std::size_t in_file = 1;
    static constexpr std::size_t in_entry = 2;

    static bool is_list(Field field) noexcept {
        return field == Field::pubchans || field == Field::subchans;
    }

    // From `[…] parse error at line 7, column 3: syntax error while … - unexpected '}'; expected …`
    // what a person needs. What it quotes of the text goes: it may be a secret.
    static std::string described(std::string what) {
        constexpr std::string_view before_place = "parse error at ";
        if (const std::size_t at = what.find(before_place); at != std::string::npos)
            what.erase(0, at + before_place.size());
        if (const std::size_t at = what.find("; last read"); at != std::string::npos)
            what.erase(at);
        const bool closed_early = what.find("unexpected '}'") != std::string::npos ||
                                  what.find("unexpected ']'") != std::string::npos;
        if (closed_early) what += " (JSON allows no comma behind the last item)";
        if (what.find("unexpected end of input") != std::string::npos)
            what += " (the file is empty or only half written)";
        return what;
    }

    std::string entry_name() const { return "entry " + in_quotes(entry_.ident); }
    std::string field_name() const { return "field " + in_quotes(field_names[index_of(field_)]); }
    static std::size_t index_of(Field field) noexcept { return static_cast<std::size_t>(field); }
    std::vector<std::string>& channels() noexcept {
        return field_ == Field::pubchans ? pubchans_ : subchans_;
    }

    bool refuse(std::string fault) {
        fault_ = std::move(fault);
        return false;
    }
    bool refuse_shape(const std::string& what) {
        if (depth_ < in_file)
            return refuse("the file holds " + what +
                          ", but must hold a mapping from idents to accounts: {\"ident\": {…}}");
        return refuse(entry_name() + " is " + what +
                      ", but must be a mapping with owner, secret, pubchans and subchans");
    }
    bool refuse_type(const std::string& what) {
        return refuse(entry_name() + ": " + field_name() + " is " + what + ", but must be a " +
                      (is_list(field_) ? "list of strings" : "string"));
    }
    bool refuse_item(const std::string& what) {
        return refuse(entry_name() + ": " + field_name() + " lists " + what +
                      ", but may list strings alone");
    }
    bool other_value(const std::string& what) {
        if (depth_ < in_entry) return refuse_shape(what);
        if (field_ == Field::unknown) return true;
        return depth_ == in_entry ? refuse_type(what) : refuse_item(what);
    }

    bool descend() {
        if (++depth_ <= json_depth_max) return true;
        return refuse("brackets are nested more than " + std::to_string(json_depth_max) + " deep");
    }

    bool begin_ident(std::string& ident) {
        entry_ = {};
        entry_.ident = std::move(ident);
        if (std::string fault = fault_of_ident(entry_.ident); !fault.empty())
            return refuse(entry_name() + ": the ident " + fault);
        if (!idents_.insert(entry_.ident).second)
            return refuse(entry_name() + " appears twice; which one is meant?");
        return true;
    }
    void begin_entry() {
        pubchans_.clear();
        subchans_.clear();
        seen_ = {};
    }
    bool begin_field(const std::string& name) {
        std::size_t index = 0;
        while (index < field_names.size() && field_names[index] != name)
            ++index;
        field_ = static_cast<Field>(index);
        if (field_ == Field::unknown) return true;
        if (std::exchange(seen_[index], true))
            return refuse(entry_name() + ": " + field_name() + " appears twice");
        return true;
    }
    bool end_entry() {
        for (std::size_t index = 0; index < field_names.size(); ++index)
            if (!seen_[index])
                return refuse(entry_name() + ": field " + in_quotes(field_names[index]) +
                              " is missing");
        entry_.pubchans = core::ChannelList(std::move(pubchans_));
        entry_.subchans = core::ChannelList(std::move(subchans_));
        if (std::string fault = fault_of(entry_); !fault.empty())
            return refuse(entry_name() + ": " + fault);
        accounts_.push_back(std::move(entry_));
        return true;
    }

    std::vector<core::Account> accounts_;
    std::unordered_set<std::string> idents_;
    std::string fault_;
    std::size_t depth_ = 0;
    Field field_ = Field::unknown;
    core::Account entry_;  // the one being read
    std::vector<std::string> pubchans_;
    std::vector<std::string> subchans_;
    std::array<bool, field_names.size()> seen_{};
};

}  // namespace

std::vector<core::Account> parse_json_accounts(std::string_view text) {
    AccountsReader reader;
    if (!Json::sax_parse(text.begin(), text.end(), &reader)) throw Error(reader.fault());
    return reader.take_accounts();
}

}  // namespace hpfeeds::auth
