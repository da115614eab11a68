#include "storage/outputforms.h"

#include "base/json.h"

namespace celldeck::storage {

namespace {

constexpr QChar Stdout = u's';
constexpr QChar PlainResult = u'r';

struct Frame
{
    QByteArray before;
    QByteArray after;
};

Frame frameOf(QChar form, std::optional<std::int64_t> executionCount)
{
    if (form == Stdout)
        return {R"([{"name":"stdout","output_type":"stream","text":)", "}]"};
    return {R"([{"data":{"text/plain":)",
            R"(},"execution_count":)" +
                (executionCount ? QByteArray::number(qlonglong(*executionCount)) : "null") +
                R"(,"metadata":{},"output_type":"execute_result"}])"};
}

/// The text inside the frame, if that is all that `json` has, and if it comes back byte for byte.
std::optional<QString> textWithin(const Frame &frame, const QByteArray &json)
{
    if (json.size() < frame.before.size() + frame.after.size() || !json.startsWith(frame.before) ||
        !json.endsWith(frame.after))
        return std::nullopt;
    const QByteArrayView inside(json.constData() + frame.before.size(),
                                json.size() - frame.before.size() - frame.after.size());
    const auto text = parseJson(inside);
    // SQL's functions end a text at a NUL.
    if (!text || !text->is_string() || toBytes(*text) != inside || inside.contains("\\u0000"))
        return std::nullopt;
    return text->get<QString>();
}

}  // namespace

QVariant outputForm(const QByteArray &json, std::optional<std::int64_t> executionCount)
{
    if (json.isEmpty() || json == "[]")
        return {};
    for (const QChar form : {Stdout, PlainResult}) {
        if (const auto text = textWithin(frameOf(form, executionCount), json))
            return QString(form + *text);
    }
    return json;
}

QByteArray outputsOf(const QVariant &form, std::optional<std::int64_t> executionCount)
{
    if (form.typeId() == QMetaType::QByteArray)
        return form.toByteArray();
    const QString text = form.typeId() == QMetaType::QString ? form.toString() : QString();
    if (text.isEmpty())
        return "[]";
    const Frame frame = frameOf(text.front(), executionCount);
    return frame.before + toBytes(Json(text.mid(1))) + frame.after;
}

}  // namespace celldeck::storage
