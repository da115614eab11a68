#include <QtTest>

#include "kernels/messagerouter.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

const QString A = QStringLiteral("a.ipynb");

Message message(const QByteArray &parent, const char *text)
{
    Message made;
    made.header = Json{{"msg_id", "m"}, {"msg_type", "stream"}};
    made.parentHeader = Json{{"msg_id", parent.toStdString()}};
    made.content = {{"text", text}};
    return made;
}

}  // namespace

class TestMessageRouter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_log.clear();
        m_orphans = std::make_unique<OrphanBuffer>();
        m_router = std::make_unique<MessageRouter>(*m_orphans, A);
    }
    void onlyTheExactParentIsTaken();
    void whatCameBeforeComesFirst();
    void whoHasEnoughLeavesTheRest();
    void whatComesAfterTheEndIsAnOrphan();

private:
    void add(const QByteArray &parent, const QString &name)
    {
        m_router->add(parent, [this, parent, name](Channel, const Message &got) {
            const QString text = textOf(got.content, "text");
            m_log << name + text;
            if (text == QLatin1String("end"))
                m_router->remove(parent);
        });
    }
    void take(const QByteArray &parent, const char *text)
    {
        m_router->take(Channel::Iopub, message(parent, text));
    }
    QString log() const { return m_log.join(QLatin1Char(' ')); }

    QStringList m_log;
    std::unique_ptr<OrphanBuffer> m_orphans;
    std::unique_ptr<MessageRouter> m_router;
};

/// "A message for request 7 landed in cell 3."
void TestMessageRouter::onlyTheExactParentIsTaken()
{
    add("s_1_3", QStringLiteral("three:"));
    add("s_1_7", QStringLiteral("seven:"));
    take("s_1_7", "a");
    take("s_1_3", "b");
    take("s_1_37", "c");
    take("s_1", "d");
    take("S_1_3", "e");
    take("", "f");
    QCOMPARE(log(), QStringLiteral("seven:a three:b"));
    QCOMPARE(m_orphans->messages(), 4);
}

void TestMessageRouter::whatCameBeforeComesFirst()
{
    take("x", "1");
    take("y", "other");
    take("x", "2");
    add("x", QString());
    take("x", "3");
    QCOMPARE(log(), QStringLiteral("1 2 3"));
    QCOMPARE(m_orphans->messages(), 1);
}

void TestMessageRouter::whoHasEnoughLeavesTheRest()
{
    for (const char *text : {"1", "end", "2", "3"})
        take("x", text);
    add("x", QString());
    QCOMPARE(log(), QStringLiteral("1 end"));
    add("x", QStringLiteral("again:"));
    QCOMPARE(log(), QStringLiteral("1 end again:2 again:3"));
}

void TestMessageRouter::whatComesAfterTheEndIsAnOrphan()
{
    add("x", QStringLiteral("x:"));
    add("y", QStringLiteral("y:"));
    take("x", "end");
    take("x", "late");
    QCOMPARE(log(), QStringLiteral("x:end"));
    QCOMPARE(m_orphans->rings().size(), 1);
    QCOMPARE(m_orphans->rings().first().parent, QByteArray("x"));
}

QTEST_GUILESS_MAIN(TestMessageRouter)
#include "tst_messagerouter.moc"
