#include "storage/audit.h"

#include <QHashFunctions>

namespace celldeck::storage {

namespace {

struct RoleName
{
    Role role;
    const char *text;
};

constexpr RoleName RoleNames[] = {
    {Role::Agent, "agent"}, {Role::Operator, "operator"}, {Role::System, "system"}};

struct ActionName
{
    Action action;
    const char *text;
};

constexpr ActionName ActionNames[] = {{Action::Submit, "submit"},
                                      {Action::Replay, "replay"},
                                      {Action::Cancel, "cancel"},
                                      {Action::CancelAll, "cancel_all"},
                                      {Action::Move, "move"},
                                      {Action::Pause, "pause"},
                                      {Action::Resume, "resume"},
                                      {Action::SetStopOnError, "set_stop_on_error"},
                                      {Action::StartKernel, "start_kernel"},
                                      {Action::StopKernel, "stop_kernel"},
                                      {Action::RestartKernel, "restart_kernel"},
                                      {Action::InterruptKernel, "interrupt_kernel"},
                                      {Action::CleanUp, "cleanup"},
                                      {Action::RenewLease, "renew_lease"},
                                      {Action::PinAsset, "pin_asset"},
                                      {Action::ReleaseLease, "release_lease"},
                                      {Action::RemoveAsset, "remove_asset"},
                                      {Action::BackUp, "backup"},
                                      {Action::Restore, "restore"},
                                      {Action::Import, "import"},
                                      {Action::Recover, "recover"},
                                      {Action::Interrupt, "interrupt"}};

}  // namespace

Actor shellActor()
{
    return {.role = Role::Operator, .client = ShellClient};
}

size_t qHash(const Actor &actor, size_t seed)
{
    return qHashMulti(seed, static_cast<int>(actor.role), actor.client);
}

QString toText(Role role)
{
    for (const RoleName &name : RoleNames) {
        if (name.role == role)
            return QString::fromLatin1(name.text);
    }
    return QStringLiteral("unknown");
}

std::optional<Role> parseRole(const QString &text)
{
    for (const RoleName &name : RoleNames) {
        if (text == QLatin1String(name.text))
            return name.role;
    }
    return std::nullopt;
}

QString toText(Action action)
{
    for (const ActionName &name : ActionNames) {
        if (name.action == action)
            return QString::fromLatin1(name.text);
    }
    return QStringLiteral("unknown");
}

std::optional<Action> parseAction(const QString &text)
{
    for (const ActionName &name : ActionNames) {
        if (text == QLatin1String(name.text))
            return name.action;
    }
    return std::nullopt;
}

}  // namespace celldeck::storage
