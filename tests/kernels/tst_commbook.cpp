#include <QtTest>

#include "kernels/commbook.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

Message message(const char *type, Json content, const char *parent = "cell")
{
    Message made;
    made.header = Json{{"msg_type", type}};
    made.parentHeader = Json{{"msg_id", parent}};
    made.content = std::move(content);
    return made;
}

Message open(const char *id, Json state)
{
    return message("comm_open", {{"comm_id", id},
                                 {"target_name", "jupyter.widget"},
                                 {"data", {{"state", std::move(state)}}}});
}

Message update(const char *id, Json state)
{
    return message("comm_msg", {{"comm_id", id},
                                {"data", {{"method", "update"}, {"state", std::move(state)}}}});
}

Message print(const char *text, const char *parent = "cell")
{
    return message("stream", {{"name", "stdout"}, {"text", text}}, parent);
}

const Json Slider{{"_model_name", "SliderModel"},
                  {"_model_module", "@jupyter-widgets/controls"},
                  {"_model_module_version", "2.0.0"},
                  {"value", 1}};
const Json Output{{"_model_name", "OutputModel"},
                  {"_model_module", "@jupyter-widgets/output"},
                  {"msg_id", ""},
                  {"outputs", Json::array()}};

Json statesOf(const CommBook &book)
{
    return book.widgets()["application/vnd.jupyter.widget-state+json"]["state"];
}

}  // namespace

class TestCommBook : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsTheStateOfEachWidget();
    void keepsBuffersByTheirPath();
    void anOutputWidgetTakesWhatIsPrinted();
    void anOutputWidgetOfAnEarlierEngineGoesOn();
    void nestedOutputWidgets();
    void whatIsMalformedHarmsNothing();
    void memoryIsBounded();
};

void TestCommBook::keepsTheStateOfEachWidget()
{
    CommBook book;
    QVERIFY(book.widgets().is_null());
    QVERIFY(!book.take(open("a", Slider)));
    QVERIFY(!book.take(update("a", {{"value", 7}, {"more", nullptr}})));
    book.take(open("no model", {{"x", 1}}));
    book.take(message("comm_close", {{"comm_id", "a"}, {"data", Json::object()}}));
    Json state = Slider;
    state.update({{"value", 7}, {"more", nullptr}});
    QVERIFY(book.widgets() == Json({{"application/vnd.jupyter.widget-state+json",
                                     {{"state",
                                       {{"a",
                                         {{"model_name", "SliderModel"},
                                          {"model_module", "@jupyter-widgets/controls"},
                                          {"model_module_version", "2.0.0"},
                                          {"state", state}}}}},
                                      {"version_major", 2},
                                      {"version_minor", 0}}}}));
}

void TestCommBook::keepsBuffersByTheirPath()
{
    CommBook book;
    Message opened = open("a", Slider);
    opened.content["data"]["buffer_paths"] = {{"value"}, {"x", 0}};
    opened.buffers = {QByteArray("one"), QByteArray("\0\xff", 2)};
    book.take(opened);
    Message updated = update("a", {{"y", 1}});
    updated.content["data"]["buffer_paths"] = {{"value"}, {"missing"}};
    updated.buffers = {QByteArray("two")};
    book.take(updated);
    QVERIFY(statesOf(book)["a"]["buffers"] ==
            Json::array({{{"data", "dHdv"}, {"encoding", "base64"}, {"path", {"value"}}},
                         {{"data", "AP8="}, {"encoding", "base64"}, {"path", {"x", 0}}}}));
}

void TestCommBook::anOutputWidgetTakesWhatIsPrinted()
{
    CommBook book;
    book.take(open("out", Output));
    QVERIFY(!book.take(print("before")));
    book.take(update("out", {{"msg_id", "cell"}}));
    QVERIFY(book.take(print("a")));
    QVERIFY(book.take(print("b")));
    QVERIFY(!book.take(print("of another cell", "other")));
    QVERIFY(!book.take(message("status", {{"execution_state", "idle"}})));
    auto updates = book.takeUpdates();
    const Json printed =
        Json::array({{{"output_type", "stream"}, {"name", "stdout"}, {"text", "ab"}}});
    QCOMPARE(updates.size(), size_t(1));
    QVERIFY(updates[0].content["data"]["state"]["outputs"] == printed);
    QVERIFY(updates[0].content["comm_id"] == "out");
    QVERIFY(updates[0].parent == Header(Json{{"msg_id", "cell"}}));
    QVERIFY(book.takeUpdates().empty());
    QVERIFY(statesOf(book)["out"]["state"]["outputs"] == printed);

    // Nor does it lose in silence what cannot be read.
    Message unread = message("display_data", Json::object());
    unread.leftOut = QStringLiteral("too long");
    QVERIFY(book.take(unread));
    (void)book.takeUpdates();
    QVERIFY(textOf(statesOf(book)["out"]["state"]["outputs"][1], "text")
                .contains(QStringLiteral("(display_data): too long")));

    QVERIFY(book.take(message("clear_output", {{"wait", true}})));
    QVERIFY(book.takeUpdates().empty());
    QVERIFY(book.take(print("c")));
    book.take(update("out", {{"msg_id", ""}}));
    QVERIFY(!book.take(print("after")));
    (void)book.takeUpdates();
    QVERIFY(statesOf(book)["out"]["state"]["outputs"][0]["text"] == "c");
}

/// Its opening nobody here has heard: it was asked for its state.
void TestCommBook::anOutputWidgetOfAnEarlierEngineGoesOn()
{
    CommBook book;
    Json state = Output;
    state["outputs"] = {{{"output_type", "stream"}, {"name", "stdout"}, {"text", "a"}}};
    book.take(update("out", state));
    book.take(update("out", {{"msg_id", "cell"}}));
    QVERIFY(book.take(print("b")));
    const auto updates = book.takeUpdates();
    QCOMPARE(updates.size(), size_t(1));
    QVERIFY(updates[0].content["data"]["state"]["outputs"][0]["text"] == "ab");
}

void TestCommBook::nestedOutputWidgets()
{
    CommBook book;
    for (const char *id : {"outer", "inner"}) {
        book.take(open(id, Output));
        book.take(update(id, {{"msg_id", "cell"}}));
        QVERIFY(book.take(print(id)));
    }
    book.take(update("inner", {{"msg_id", ""}}));
    QVERIFY(book.take(print(" again")));
    book.take(update("outer", {{"msg_id", ""}}));
    (void)book.takeUpdates();
    QVERIFY(statesOf(book)["outer"]["state"]["outputs"][0]["text"] == "outer again");
    QVERIFY(statesOf(book)["inner"]["state"]["outputs"][0]["text"] == "inner");
    QVERIFY(!book.take(print("free")));
}

void TestCommBook::whatIsMalformedHarmsNothing()
{
    CommBook book;
    book.take(message("comm_open", Json::object()));
    book.take(message("comm_open", {{"comm_id", 7}, {"data", 8}}));
    book.take(message("comm_open", {{"comm_id", "a"}, {"data", {{"state", 9}}}}));
    book.take(message("comm_msg", {{"comm_id", "a"}, {"data", {{"method", "custom"}}}}));
    QVERIFY(book.widgets().is_null());
    book.take(update("unopened", {{"msg_id", "cell"}, {"_model_name", 7}}));
    QVERIFY(!book.take(print("x")));
    Message odd = open("b", Slider);
    odd.content["data"]["buffer_paths"] = "no list";
    odd.buffers = {QByteArray("x")};
    book.take(odd);
    QVERIFY(!find(statesOf(book)["b"], "buffers"));
}

void TestCommBook::memoryIsBounded()
{
    CommBook book(10'000);
    for (int i = 0; i < 100; ++i) {
        Json state = Slider;
        state["pad"] = std::string(900, 'x');
        book.take(open(std::to_string(i).c_str(), state));
        book.take(update("0", {{"value", i}}));
    }
    const Json states = statesOf(book);
    QVERIFY(states.size() < 11 && states.size() > 5);
    QVERIFY(states.contains("99"));
    QVERIFY(states.contains("0"));  // It changed just now.
    QCOMPARE(book.dropped(), std::uint64_t(100 - states.size()));
}

QTEST_GUILESS_MAIN(TestCommBook)
#include "tst_commbook.moc"
