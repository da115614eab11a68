#include "tools/kernelexpression.h"

namespace celldeck::tools {

namespace {

// A kernel answers behind the cell that it runs.
constexpr Milliseconds AnswerLimit{10'000};

QString hexOf(const QString &text)
{
    return QString::fromLatin1(text.toUtf8().toHex());
}

}  // namespace

QString pythonText(const QString &text)
{
    // It is evaluated among the user's variables, one of which may be called `bytes`.
    return QStringLiteral("__import__('builtins').bytes.fromhex('%1').decode()").arg(hexOf(text));
}

Result<QString> changeFolderExpression(const QString &language, const QString &folder)
{
    if (language == QLatin1String("python"))
        return QStringLiteral("__import__('os').chdir(%1)").arg(pythonText(folder));
    if (language == QLatin1String("R"))
        return QStringLiteral(
                   "base::setwd(base::rawToChar(base::as.raw(base::strtoi("
                   "base::substring('%1', base::seq(1, %2, 2), base::seq(2, %2, 2)), "
                   "16L))))")
            .arg(hexOf(folder))
            .arg(hexOf(folder).size());
    return fail(ErrorCode::InvalidArgument,
                QStringLiteral("how a kernel of %1 changes its folder is not known here: name "
                               "working_directory in start_kernel")
                    .arg(language));
}

QCoro::Task<Result<kernels::Answer>> askKernel(const Services *services, QString path,
                                               QByteArray type, Json content,
                                               const TaskScope *scope)
{
    tasks::Session *session = services->queue.find(path);
    if (!session)
        co_return fail(noKernel(path));
    const auto asking = session->ask(type, std::move(content));
    const Result<kernels::Answer> answer = co_await asking.wait(*scope, AnswerLimit);
    if (!answer && answer.error().code == ErrorCode::Timeout)
        co_return fail(ErrorCode::Timeout,
                       QStringLiteral("the kernel of %1 has not answered within %2 s: it answers "
                                      "when the cell that it runs has ended")
                           .arg(path)
                           .arg(AnswerLimit.count() / 1'000));
    if (!answer)
        co_return fail(answer.error());
    if (celldeck::textOf(answer->content, "status") == QLatin1String("error"))
        co_return fail(ErrorCode::InvalidArgument,
                       QStringLiteral("the kernel says: %1: %2")
                           .arg(celldeck::textOf(answer->content, "ename"),
                                celldeck::textOf(answer->content, "evalue")));
    co_return *answer;
}

QCoro::Task<Result<QString>> evaluate(const Services *services, QString path, QString expression,
                                      const TaskScope *scope)
{
    Json request = {{"code", ""},
                    {"silent", true},
                    {"store_history", false},
                    {"user_expressions", {{"celldeck", expression}}},
                    {"allow_stdin", false},
                    {"stop_on_error", false}};
    const Result<kernels::Answer> answer =
        co_await askKernel(services, path, "execute_request", std::move(request), scope);
    if (!answer)
        co_return fail(answer.error());
    const Json *expressions = find(answer->content, "user_expressions");
    const Json *value = expressions ? find(*expressions, "celldeck") : nullptr;
    if (!value)
        co_return fail(ErrorCode::InvalidArgument,
                       QStringLiteral("the kernel of %1 does not evaluate expressions beside its "
                                      "cells")
                           .arg(path));
    if (celldeck::textOf(*value, "status") == QLatin1String("error"))
        co_return fail(ErrorCode::InvalidArgument, QStringLiteral("the kernel says: %1: %2")
                                                       .arg(celldeck::textOf(*value, "ename"),
                                                            celldeck::textOf(*value, "evalue")));
    const Json *data = find(*value, "data");
    co_return data ? celldeck::textOf(*data, "text/plain") : QString();
}

QCoro::Task<Result<kernels::Answer>> evaluateJson(const Services *services, QString path,
                                                  QString expression, const TaskScope *scope)
{
    const QString encoded =
        QStringLiteral(
            "__import__('base64').b64encode(__import__('json').dumps(%1).encode())"
            ".decode()")
            .arg(expression);
    const Result<QString> text = co_await evaluate(services, path, encoded, scope);
    if (!text)
        co_return fail(text.error());
    // As Python shows a text: in quotes.
    const QByteArray json = QByteArray::fromBase64(text->mid(1).chopped(1).toLatin1());
    auto value = parseJson(json);
    if (!value)
        co_return fail(value.error());
    co_return kernels::Answer{std::move(*value)};
}

}  // namespace celldeck::tools
