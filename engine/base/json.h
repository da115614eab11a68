#pragma once

#include <QByteArray>
#include <QString>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace celldeck {

/// A text as it is: QString::fromUtf8 drops U+FEFF where one begins with it.
[[nodiscard]] QString textFromUtf8(QByteArrayView utf8);

}  // namespace celldeck

/// QString as a JSON string.
template <>
struct nlohmann::adl_serializer<QString>
{
    static void to_json(json &j, const QString &text) { j = text.toStdString(); }
    static void from_json(const json &j, QString &text)
    {
        text = celldeck::textFromUtf8(j.get_ref<const std::string &>());
    }
};

namespace celldeck {

/// JSON with keys in code-point order, as Jupyter writes them, and numbers kept as they came
/// (1.0 stays 1.0). Implicit conversions are off, so that a wrong type cannot throw unseen: read
/// members through the functions below.
using Json = nlohmann::json;

/// No peer of ours nests deeper; a deeper text would overflow the stack when it is written again.
inline constexpr int MaxJsonDepth = 200;

/// Fails with Protocol on a syntax error (the message has line and column) or too deep nesting.
[[nodiscard]] Result<Json> parseJson(QByteArrayView text);

/// Whether something in it is in more containers than that. Of a text that is no JSON, anything.
[[nodiscard]] bool nestsDeeper(QByteArrayView text, int depth);

/// The members of these names of the object that `object` is, where they are strings, and "" where
/// they are not. A tenth of the work of `parseJson`, since nothing is made of all the rest; it is
/// looked at all the same. Fails as that, and with Protocol where it is no object. Requires: as
/// many texts as keys.
[[nodiscard]] Result<> readTexts(QByteArrayView object, std::span<const std::string_view> keys,
                                 std::span<QByteArray> texts);

/// The same text as Python reads what its own kernels send: bytes that are no UTF-8, and halves of
/// surrogate pairs, become U+FFFD (in a broken character one for each byte, where Python may have
/// one for several). A name of a file that is no UTF-8 brings them, for one. nullopt if there is
/// nothing of that kind.
[[nodiscard]] std::optional<QByteArray> repairedJson(QByteArrayView text);

/// Compact UTF-8. Invalid UTF-8 inside strings becomes U+FFFD.
[[nodiscard]] QByteArray toBytes(const Json &value);

/// The member `key` of an object, or null where there is none or `object` is no object.
[[nodiscard]] const Json *find(const Json &object, const char *key);

/// The member `key` if it is a string; integer; number; boolean.
[[nodiscard]] std::optional<QString> findText(const Json &object, const char *key);
[[nodiscard]] std::optional<std::int64_t> findInt(const Json &object, const char *key);
[[nodiscard]] std::optional<double> findNumber(const Json &object, const char *key);
[[nodiscard]] std::optional<bool> findBool(const Json &object, const char *key);

/// The member `key` as a string, or "" where it is none.
[[nodiscard]] QString textOf(const Json &object, const char *key);

}  // namespace celldeck
