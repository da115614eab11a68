#pragma once

#include <QByteArray>
#include <QString>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/result.h"

/// QString as a JSON string.
template <>
struct nlohmann::adl_serializer<QString>
{
    static void to_json(json &j, const QString &text) { j = text.toStdString(); }
    static void from_json(const json &j, QString &text)
    {
        text = QString::fromStdString(j.get_ref<const std::string &>());
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
