#pragma once

#include <QUuid>

#include "kernels/cellrun.h"
#include "kernels/commbook.h"
#include "kernels/connectionfile.h"
#include "kernels/inquiries.h"
#include "kernels/kernel.h"
#include "kernels/kernelclient.h"
#include "kernels/messagerouter.h"
#include "kernels/questionnote.h"
#include "kernels/sentnote.h"

namespace celldeck::kernels {

/// What a Kernel is made of, for the three files that define it: kernelstart.cpp has how it begins,
/// kernelcells.cpp what runs on it, kernel.cpp the rest, to its end.
struct Kernel::Private
{
    Private(Kernel *kernel, KernelSpec ofSpec, KernelOptions given, KernelPool &ofPool)
        : q(kernel),
          spec(std::move(ofSpec)),
          options(std::move(given)),
          pool(ofPool),
          router(pool.orphans(), options.name)
    {}

    void setState(KernelState now);
    void take(Channel channel, const Message &message);
    enum class Found { New, Left };
    Result<> connectTo(ConnectionFile file, Found found);
    [[nodiscard]] Waiter<Answer> ask(Channel channel, const QByteArray &type, Json content);
    QCoro::Task<Result<>> becomeHeard();
    QCoro::Task<> greet();
    QCoro::Task<> learnWidgets();
    void tellComms();
    void noteQuestion(const InputRequest &request);
    QCoro::Task<> becomeReady(bool mayAsk, Waiter<bool> ready);
    /// False: nothing waits to leave.
    bool takeBack(const QString &why);
    QCoro::Task<Result<Execution>> ended(Waiter<Execution> done);
    [[nodiscard]] QString spoolPath(const QByteArray &messageId) const;
    QCoro::Task<> takeLastWords();
    void handleEnd();
    void handleLoss(Channel channel, const Error &why);
    [[nodiscard]] std::unexpected<Error> silence(const QString &channels) const;

    Kernel *q;
    const KernelSpec spec;
    const KernelOptions options;
    KernelPool &pool;
    std::optional<KernelPool::Place> place;
    KernelState state = KernelState::Starting;
    Json info = Json::object();
    bool asked = false;  // to end
    bool responding = true;
    Waiter<> gone;                         // state Dead
    Waiter<> listening;                    // what iopub says reaches us
    bool isMute = false;                   // its stdin channel has taken no connection in time
    std::optional<Waiter<bool>> heldBack;  // the cell that is to run has not left yet
    QString session = QUuid::createUuid().toString(QUuid::WithoutBraces);
    MessageRouter router;
    Inquiries inquiries{router};
    CellRun cell{router};
    CommBook comms;
    Waiter<> widgetsKnown = Waiter<>::resolved({});  // what an earlier engine knew of them too
    std::optional<ConnectionFile> connection;
    std::optional<SentNote> note;
    std::optional<QuestionNote> question;
    KernelProcess process;
    std::unique_ptr<KernelClient> client;
    TaskScope scope;
};

}  // namespace celldeck::kernels
