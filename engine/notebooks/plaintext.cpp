#include "notebooks/plaintext.h"

#include <QStringList>

#include "base/terminaltext.h"
#include "notebooks/pythonjson.h"

namespace celldeck::notebooks {

namespace {

QString read(const Json &text)
{
    const auto all = joinedLines(text);
    return all ? readableText(*all) : QString();
}

QString textOfOutput(const Json &output)
{
    const QString type = textOf(output, "output_type");
    if (type == QLatin1String("stream"))
        return read(output.value("text", Json()));
    if (type == QLatin1String("error")) {
        QStringList lines;
        if (const Json *traceback = find(output, "traceback"); traceback && traceback->is_array()) {
            for (const Json &line : *traceback)
                lines << read(line);
        }
        return lines.isEmpty()
                   ? textOf(output, "ename") + QStringLiteral(": ") + textOf(output, "evalue")
                   : lines.join(QLatin1Char('\n'));
    }
    const Json *data = find(output, "data");
    if (!data || !data->is_object())
        return {};
    if (const Json *plain = find(*data, "text/plain"))
        return read(*plain);
    QStringList types;
    for (const auto &entry : data->items())
        types << QString::fromStdString(entry.key());
    return QStringLiteral("[%1]").arg(types.join(QStringLiteral(", ")));
}

}  // namespace

QString plainText(const Json &outputs)
{
    QStringList parts;
    if (outputs.is_array()) {
        for (const Json &output : outputs)
            parts << textOfOutput(output);
    }
    return parts.join(QLatin1Char('\n'));
}

}  // namespace celldeck::notebooks
