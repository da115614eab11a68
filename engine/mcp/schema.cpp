#include "mcp/schema.h"

#include <QStringList>
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#pragma clang diagnostic pop

namespace celldeck::mcp {

namespace {

/// "<root>[filter][limit]" → "filter.limit"
QString nameOf(const std::vector<std::string> &context)
{
    QStringList parts;
    for (const std::string &step : context) {
        QString part = QString::fromStdString(step);
        if (part == QLatin1String("<root>"))
            continue;
        part.remove(QLatin1Char('[')).remove(QLatin1Char(']'));
        parts << part;
    }
    return parts.join(QLatin1Char('.'));
}

QStringList partsOf(const QString &name)
{
    return name.split(QLatin1Char('.'), Qt::SkipEmptyParts);
}

/// Null: there is nothing.
const Json *valueAt(const Json &value, const QString &name)
{
    const Json *at = &value;
    for (const QString &part : partsOf(name)) {
        if (at->is_array() && part.toULongLong() < at->size())
            at = &(*at)[part.toULongLong()];
        else
            at = find(*at, part.toUtf8().constData());
        if (!at)
            return nullptr;
    }
    return at;
}

QString shown(const Json &value, const QString &name)
{
    const Json *at = valueAt(value, name);
    if (!at)
        return QStringLiteral("missing");
    const QString text = QString::fromUtf8(toBytes(*at));
    return text.size() > 80 ? text.left(77) + QStringLiteral("…") : text;
}

/// What the schema says of a part of a value; null: nothing.
const Json *schemaAt(const Json &schema, const QString &name)
{
    const Json *at = &schema;
    for (const QString &part : partsOf(name)) {
        const Json *properties = find(*at, "properties");
        const Json *next = properties ? find(*properties, part.toUtf8().constData()) : nullptr;
        at = next ? next : find(*at, "items");
        if (!at)
            return nullptr;
    }
    return at;
}

QString expectation(const Json &schema, const QString &name)
{
    const Json *at = schemaAt(schema, name);
    if (!at || !find(*at, "type") || find(*at, "properties"))
        return {};
    Json plain = *at;
    plain.erase("description");
    return QStringLiteral("; it should be ") + QString::fromUtf8(toBytes(plain));
}

/// "there is no argument m: known are a, b", where that is what is wrong with the object of that
/// name; else "".
QString unknownArgument(const Json &schema, const Json &value, const QString &name)
{
    const Json *wanted = schemaAt(schema, name);
    const Json *given = valueAt(value, name);
    const Json *properties = wanted ? find(*wanted, "properties") : nullptr;
    const Json *others = wanted ? find(*wanted, "additionalProperties") : nullptr;
    if (!properties || !others || *others != Json(false) || !given || !given->is_object())
        return {};
    QStringList known;
    for (const auto &[key, schemaOfIt] : properties->items())
        known << QString::fromStdString(key);
    for (const auto &[key, valueOfIt] : given->items()) {
        const QString unknown = QString::fromStdString(key);
        if (!known.contains(unknown))
            return QStringLiteral("there is no argument %1: %2")
                .arg(name.isEmpty() ? unknown : name + QLatin1Char('.') + unknown,
                     known.isEmpty()
                         ? QStringLiteral("none are known here")
                         : QStringLiteral("known are ") + known.join(QStringLiteral(", ")));
    }
    return {};
}

}  // namespace

Result<> checkSchema(const Json &schema, const Json &value)
{
    valijson::ValidationResults results;
    try {
        valijson::Schema parsed;
        valijson::SchemaParser(valijson::SchemaParser::kDraft7)
            .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), parsed);
        valijson::Validator validator;
        if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(value), &results))
            return {};
    } catch (const std::exception &error) {
        return fail(
            ErrorCode::InvalidArgument,
            QStringLiteral("the arguments cannot be checked: ") + QString::fromUtf8(error.what()));
    }
    // The last error is the outermost; the first is where it began.
    valijson::ValidationResults::Error error;
    if (!results.popError(error))
        return fail(ErrorCode::InvalidArgument, QStringLiteral("the arguments are not valid"));
    const QString name = nameOf(error.context);
    if (const QString unknown = unknownArgument(schema, value, name); !unknown.isEmpty())
        return fail(ErrorCode::InvalidArgument, unknown);
    if (name.isEmpty())
        return fail(ErrorCode::InvalidArgument, QStringLiteral("the arguments are not valid: ") +
                                                    QString::fromStdString(error.description));
    return fail(ErrorCode::InvalidArgument,
                QStringLiteral("the argument %1 is %2%3 (%4)")
                    .arg(name, shown(value, name), expectation(schema, name),
                         QString::fromStdString(error.description)));
}

}  // namespace celldeck::mcp
