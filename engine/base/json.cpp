#include "base/json.h"

namespace celldeck {

namespace {

bool nestsTooDeep(QByteArrayView text)
{
    int depth = 0;
    bool inString = false;
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inString) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                inString = false;
        } else if (c == '"') {
            inString = true;
        } else if (c == '{' || c == '[') {
            if (++depth > MaxJsonDepth)
                return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

}  // namespace

Result<Json> parseJson(QByteArrayView text)
{
    if (nestsTooDeep(text)) {
        return fail(ErrorCode::Protocol,
                    QStringLiteral("JSON nested deeper than %1 levels").arg(MaxJsonDepth));
    }
    try {
        return Json::parse(text.begin(), text.end());
    } catch (const Json::exception &e) {
        // "[json.exception.parse_error.101] parse error at line 1, …": the tag is for programmers.
        QString reason = QString::fromUtf8(e.what());
        return fail(ErrorCode::Protocol, reason.mid(reason.indexOf(u']') + 2));
    }
}

QByteArray toBytes(const Json &value)
{
    return QByteArray::fromStdString(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

const Json *find(const Json &object, const char *key)
{
    if (!object.is_object())
        return nullptr;
    const auto it = object.find(key);
    return it == object.end() ? nullptr : &*it;
}

std::optional<QString> findText(const Json &object, const char *key)
{
    const Json *member = find(object, key);
    if (!member || !member->is_string())
        return std::nullopt;
    return member->get<QString>();
}

std::optional<std::int64_t> findInt(const Json &object, const char *key)
{
    const Json *member = find(object, key);
    if (!member || !member->is_number_integer())
        return std::nullopt;
    return member->get<std::int64_t>();
}

std::optional<double> findNumber(const Json &object, const char *key)
{
    const Json *member = find(object, key);
    if (!member || !member->is_number())
        return std::nullopt;
    return member->get<double>();
}

std::optional<bool> findBool(const Json &object, const char *key)
{
    const Json *member = find(object, key);
    if (!member || !member->is_boolean())
        return std::nullopt;
    return member->get<bool>();
}

QString textOf(const Json &object, const char *key)
{
    return findText(object, key).value_or(QString());
}

}  // namespace celldeck
