#pragma once

#include "kernels/outputcollector.h"

/// For tests of what becomes of a kernel's messages: these, and their outputs, in words.
namespace celldeck::test {

using kernels::Message;

inline Message message(const char *type, Json content)
{
    Message made;
    made.header = Json{{"msg_type", type}};
    made.content = std::move(content);
    return made;
}

/// A script, a word a message: "out:a" and "err:a" print, "d:a" shows, "d#1:a" under an id, "u#1:a"
/// shows anew, "r:a" is a result, "e:a" an error, "clear" and "wait" clear; "~" is a space.
inline Message messageOf(const QString &word)
{
    const QString what = word.section(QLatin1Char(':'), 0, 0);
    const QString text = word.section(QLatin1Char(':'), 1).replace(u'~', u' ');
    const QString kind = what.section(QLatin1Char('#'), 0, 0);
    const QString id = what.section(QLatin1Char('#'), 1);
    if (kind == QLatin1String("out") || kind == QLatin1String("err"))
        return message("stream", {{"name", "std" + kind.toStdString()}, {"text", text}});
    if (kind == QLatin1String("clear") || kind == QLatin1String("wait"))
        return message("clear_output", {{"wait", kind == QLatin1String("wait")}});
    if (kind == QLatin1String("e"))
        return message("error", {{"ename", "E"}, {"evalue", text}, {"traceback", {text}}});
    Json content{{"data", {{"text/plain", text}}}, {"metadata", Json::object()}};
    if (!id.isEmpty())
        content["transient"] = {{"display_id", id}};
    if (kind == QLatin1String("r"))
        content["execution_count"] = 7;
    const char *type = kind == QLatin1String("r")   ? "execute_result"
                       : kind == QLatin1String("u") ? "update_display_data"
                                                    : "display_data";
    return message(type, std::move(content));
}

inline QString wordOf(const Json &output)
{
    const QString type = textOf(output, "output_type");
    if (type == QLatin1String("stream"))
        return textOf(output, "name").mid(3) + QLatin1Char(':') + textOf(output, "text");
    if (type == QLatin1String("error"))
        return QStringLiteral("e:") + textOf(output, "evalue");
    const QString text = textOf(output["data"], "text/plain");
    return (type == QLatin1String("execute_result") ? QStringLiteral("r:") : QStringLiteral("d:")) +
           text;
}

inline QString wordsOf(const Json &outputs)
{
    QStringList words;
    for (const Json &output : outputs)
        words << wordOf(output);
    return words.join(QLatin1Char(' '));
}

}  // namespace celldeck::test
