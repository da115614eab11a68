#include <QtTest>

#include "kernels/pendingexecution.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

Message message(const char *parent, const char *type, Json content = Json::object())
{
    Message made;
    made.header = Json{{"msg_type", type}};
    made.parentHeader = Json{{"msg_id", parent}};
    made.content = std::move(content);
    return made;
}

/// "s:" shell, "i:" iopub; then whose: m our request, k the marker, x somebody else's; then what.
struct Step
{
    Channel channel;
    Message message;
};

Step stepOf(const QString &word)
{
    const QStringList parts = word.split(QLatin1Char(':'));
    const QByteArray parent = parts[1].toLatin1();
    const Channel channel = parts[0] == QLatin1String("s") ? Channel::Shell : Channel::Iopub;
    const QString &what = parts[2];
    if (what == QLatin1String("idle") || what == QLatin1String("busy"))
        return {channel, message(parent, "status", {{"execution_state", what}})};
    if (what == QLatin1String("reply"))
        return {channel,
                message(parent, "execute_reply", {{"status", "ok"}, {"execution_count", 3}})};
    if (what == QLatin1String("info"))
        return {channel, message(parent, "kernel_info_reply")};
    return {channel, message(parent, "stream", {{"name", "stdout"}, {"text", what}})};
}

}  // namespace

class TestPendingExecution : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void endsWhenAllHasCome_data();
    void endsWhenAllHasCome();
    void goesOnBehindWhatWasRecorded();
    void whatIsTooBigLeavesALine();
    void aQuestionWaitsForItsAnswer();
};

void TestPendingExecution::endsWhenAllHasCome_data()
{
    QTest::addColumn<QString>("script");
    QTest::addColumn<bool>("marked");
    QTest::addColumn<QString>("end");  // "": not yet; else the text, or "missed"
    const auto row = [](const char *name, const char *script, bool marked, const char *end) {
        QTest::newRow(name) << QString::fromLatin1(script) << marked << QString::fromLatin1(end);
    };
    row("reply, then idle", "i:m:busy i:m:a s:m:reply i:m:idle", false, "a");
    row("idle, then reply", "i:m:a i:m:idle s:m:reply", false, "a");
    row("output between", "s:m:reply i:m:a i:m:idle", false, "a");
    row("only the reply", "i:m:a s:m:reply", false, "");
    row("only idle", "i:m:a i:m:idle", false, "");
    row("others' messages", "i:m:a s:x:reply i:x:idle i:x:b", false, "");
    row("marked, seen to its end", "i:m:a s:m:reply i:m:idle", true, "a");
    row("marked, its idle was missed", "i:m:a s:m:reply s:k:info i:k:idle", true, "a");
    row("marked, still at work", "i:m:a", true, "");
    row("marked, the marker's idle not yet", "s:k:info", true, "");
    row("marked, all was missed", "s:k:info i:k:idle", true, "missed");
    row("marked, the reply was missed", "i:m:idle s:k:info i:k:idle", true, "missed");
    row("marked, in any order", "i:k:idle s:k:info", true, "missed");
}

void TestPendingExecution::endsWhenAllHasCome()
{
    QFETCH(QString, script);
    QFETCH(bool, marked);
    QFETCH(QString, end);
    PendingExecution execution("m");
    if (marked)
        execution.setMarker("k");
    const QStringList words = script.split(QLatin1Char(' '));
    for (qsizetype i = 0; i < words.size(); ++i) {
        const Step step = stepOf(words[i]);
        const auto effect = execution.take(step.channel, step.message);
        const bool last = i + 1 == words.size();
        QCOMPARE(effect == PendingExecution::Effect::Ended, last && !end.isEmpty());
        QCOMPARE(effect == PendingExecution::Effect::Foreign,
                 words[i].contains(QLatin1String(":x:")));
    }
    if (end.isEmpty())
        return;
    const auto result = execution.result();
    if (end == QLatin1String("missed")) {
        QVERIFY(!result);
        QCOMPARE(result.error().code, ErrorCode::Missed);
        return;
    }
    QVERIFY(result);
    QCOMPARE(textOf(result->outputs->at(0), "text"), end);
    QCOMPARE(result->executionCount, std::optional<std::int64_t>(3));
}

void TestPendingExecution::goesOnBehindWhatWasRecorded()
{
    PendingExecution execution(
        "m", OutputCollector(
                 Json::array({{{"output_type", "stream"}, {"name", "stdout"}, {"text", "one "}}})));
    const Step more = stepOf(QStringLiteral("i:m:two"));
    QCOMPARE(execution.take(more.channel, more.message), PendingExecution::Effect::OutputsChanged);
    QCOMPARE(execution.outputs().size(), size_t(1));
    QCOMPARE(textOf(execution.outputs().at(0), "text"), QStringLiteral("one two"));
}

void TestPendingExecution::whatIsTooBigLeavesALine()
{
    PendingExecution execution("m");
    QCOMPARE(execution.take(Channel::Iopub, stepOf(QStringLiteral("i:m:before")).message),
             PendingExecution::Effect::OutputsChanged);
    Message big = message("m", "display_data");
    big.leftOut = QStringLiteral("it has 300000000 bytes");
    QCOMPARE(execution.take(Channel::Iopub, big), PendingExecution::Effect::OutputsChanged);
    QCOMPARE(execution.outputs().size(), size_t(2));
    QCOMPARE(textOf(execution.outputs().at(1), "name"), QStringLiteral("stderr"));
    const QString line = textOf(execution.outputs().at(1), "text");
    QVERIFY2(line.contains(QStringLiteral("(display_data): it has 300000000 bytes")),
             qPrintable(line));
    // A reply that brings too much ends its cell all the same.
    Message reply = stepOf(QStringLiteral("s:m:reply")).message;
    reply.leftOut = QStringLiteral("it has 300000000 bytes");
    execution.take(Channel::Shell, reply);
    QCOMPARE(execution.take(Channel::Iopub, stepOf(QStringLiteral("i:m:idle")).message),
             PendingExecution::Effect::Ended);
    QCOMPARE(execution.result()->status, Execution::Status::Ok);
}

void TestPendingExecution::aQuestionWaitsForItsAnswer()
{
    PendingExecution execution("m");
    const Message asked = message("m", "input_request", {{"prompt", "Key: "}, {"password", true}});
    QCOMPARE(execution.take(Channel::Stdin, message("x", "input_request")),
             PendingExecution::Effect::Foreign);
    QVERIFY(!execution.input());
    QCOMPARE(execution.take(Channel::Stdin, asked), PendingExecution::Effect::InputRequested);
    QCOMPARE(*execution.input(),
             (InputRequest{
                 .prompt = QStringLiteral("Key: "), .isPassword = true, .header = asked.header}));
    execution.setInputAnswered();
    QVERIFY(!execution.input());
    // A cell that was interrupted while it asked asks no more.
    execution.take(Channel::Stdin, asked);
    execution.take(Channel::Shell, stepOf(QStringLiteral("s:m:reply")).message);
    QVERIFY(!execution.input());
}

QTEST_GUILESS_MAIN(TestPendingExecution)
#include "tst_pendingexecution.moc"
