#include "base/json.h"

#include <simdjson.h>

#include <QStringDecoder>

#include <algorithm>
#include <charconv>

namespace celldeck {

namespace {

using simdjson::dom::element_type;

// A parser keeps the memory that its longest text has needed, some ten times that.
constexpr qsizetype KeptParserBytes = 64 * 1'024;
constexpr qsizetype QuickBytes = 64 * 1'024 * 1'024;

Json fromSimd(const simdjson::dom::element &element);

Json fromSimd(const simdjson::dom::object &object)
{
    Json made = Json::object();
    auto &members = made.get_ref<Json::object_t &>();
    for (const auto &[key, value] : object)
        members.insert_or_assign(std::string(key), fromSimd(value));
    return made;
}

Json fromSimd(const simdjson::dom::array &array)
{
    Json made = Json::array();
    auto &elements = made.get_ref<Json::array_t &>();
    elements.reserve(array.size());
    for (const simdjson::dom::element element : array)
        elements.push_back(fromSimd(element));
    return made;
}

Json fromSimd(const simdjson::dom::element &element)
{
    switch (element.type()) {
    case element_type::OBJECT:
        return fromSimd(element.get_object().value_unsafe());
    case element_type::ARRAY:
        return fromSimd(element.get_array().value_unsafe());
    case element_type::STRING:
        return std::string(element.get_string().value_unsafe());
    case element_type::INT64: {
        const std::int64_t number = element.get_int64().value_unsafe();
        return number < 0 ? Json(number) : Json(std::uint64_t(number));  // as Json::parse has it
    }
    case element_type::UINT64:
        return element.get_uint64().value_unsafe();
    case element_type::DOUBLE:
        return element.get_double().value_unsafe();
    case element_type::BOOL:
        return element.get_bool().value_unsafe();
    case element_type::NULL_VALUE:
        break;
    }
    return nullptr;
}

/// simdjson's view of a text, many times as fast as Json::parse; nothing where it refuses it, be it
/// broken or only more than it can hold, such as a number of 70 bits. And of an empty one, which it
/// would copy from nowhere. Lives as long as this, and until the next one of its thread.
class QuickView
{
public:
    explicit QuickView(QByteArrayView text)
    {
        if (text.isEmpty() || text.size() > QuickBytes)
            return;
        thread_local simdjson::dom::parser kept;
        simdjson::dom::parser &parser = text.size() <= KeptParserBytes ? kept : m_own.emplace();
        const auto bytes = size_t(text.size());
        if (parser.capacity() < bytes && parser.allocate(bytes, MaxJsonDepth) != simdjson::SUCCESS)
            return;
        simdjson::dom::element root;
        if (parser.parse(text.data(), bytes).get(root) == simdjson::SUCCESS)
            m_root = root;
    }

    [[nodiscard]] const std::optional<simdjson::dom::element> &root() const { return m_root; }

private:
    std::optional<simdjson::dom::parser> m_own;
    std::optional<simdjson::dom::element> m_root;
};

}  // namespace

QString textFromUtf8(QByteArrayView utf8)
{
    if (!utf8.startsWith("\xef\xbb\xbf"))
        return QString::fromUtf8(utf8);
    return QStringDecoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless |
                                                    QStringDecoder::Flag::ConvertInitialBom)(utf8);
}

bool nestsDeeper(QByteArrayView text, int limit)
{
    // Most have not so many in all.
    if (std::ranges::count_if(text, [](char c) { return c == '{' || c == '['; }) <= limit)
        return false;
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
            if (++depth > limit)
                return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

Result<Json> parseJson(QByteArrayView text)
{
    if (const QuickView quick(text); quick.root())
        return fromSimd(*quick.root());
    if (nestsDeeper(text, MaxJsonDepth)) {
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

Result<> readTexts(QByteArrayView object, std::span<const std::string_view> keys,
                   std::span<QByteArray> texts)
{
    const auto noObject = [] { return fail(ErrorCode::Protocol, QStringLiteral("is no object")); };
    if (const QuickView quick(object); quick.root()) {
        simdjson::dom::object members;
        if (quick.root()->get(members) != simdjson::SUCCESS)
            return noObject();
        for (const auto &[key, value] : members) {
            const auto known = std::ranges::find(keys, key);
            if (known == keys.end())
                continue;
            std::string_view text;  // The last of one name counts, as with parseJson.
            const bool isText = value.get(text) == simdjson::SUCCESS;
            texts[size_t(known - keys.begin())] =
                isText ? QByteArray(text.data(), qsizetype(text.size())) : QByteArray();
        }
        return {};
    }
    const auto parsed = parseJson(object);
    if (!parsed)
        return fail(parsed.error());
    if (!parsed->is_object())
        return noObject();
    for (size_t i = 0; i < keys.size(); ++i) {
        const auto member = parsed->find(keys[i]);
        if (member != parsed->end() && member->is_string())
            texts[i] = QByteArray::fromStdString(member->get_ref<const std::string &>());
    }
    return {};
}

namespace {

/// What an escape of four digits at `at` stands for, or -1 where there is none.
int unitAt(QByteArrayView text, qsizetype at)
{
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u')
        return -1;
    int unit = 0;
    const char *const end = text.data() + at + 6;
    const auto read = std::from_chars(text.data() + at + 2, end, unit, 16);
    return read.ec == std::errc() && read.ptr == end ? unit : -1;
}

/// The next half of a surrogate pair that stands alone, from `at` on; or -1.
qsizetype findHalf(QByteArrayView text, qsizetype at)
{
    while ((at = text.indexOf('\\', at)) >= 0) {
        const int unit = unitAt(text, at);
        if (unit < 0)
            at += 2;
        else if (!QChar::isSurrogate(char32_t(unit)))
            at += 6;
        else if (QChar::isHighSurrogate(char32_t(unit)) &&
                 QChar::isLowSurrogate(char32_t(std::max(0, unitAt(text, at + 6)))))
            at += 12;
        else
            return at;
    }
    return -1;
}

}  // namespace

std::optional<QByteArray> repairedJson(QByteArrayView text)
{
    const bool isUtf8 = text.isEmpty() || simdjson::validate_utf8(text.data(), size_t(text.size()));
    qsizetype half = findHalf(text, 0);
    if (isUtf8 && half < 0)
        return std::nullopt;
    QByteArray repaired = isUtf8 ? text.toByteArray() : textFromUtf8(text).toUtf8();
    for (half = findHalf(repaired, 0); half >= 0; half = findHalf(repaired, half))
        repaired.replace(half, 6, "\\ufffd");
    return repaired;
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
