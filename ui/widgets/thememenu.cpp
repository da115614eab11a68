#include "ui/widgets/thememenu.h"

#include <QActionGroup>
#include <QApplication>
#include <QSettings>
#include <array>

#include "ui/theme.h"

namespace celldeck::ui {

namespace {

const QString Key = QStringLiteral("theme");

}  // namespace

ThemeMenu::ThemeMenu(QSettings *settings, QWidget *parent) : QMenu(tr("&Theme"), parent)
{
    setIcon(themedIcon(QStringLiteral("theme")));
    auto *group = new QActionGroup(this);
    const ThemeChoice now = themeFromText(settings ? settings->value(Key).toString() : QString());
    const std::array<std::pair<ThemeChoice, QString>, 3> choices{
        {{ThemeChoice::System, tr("As the &system")},
         {ThemeChoice::Light, tr("&Light")},
         {ThemeChoice::Dark, tr("&Dark")}}};
    for (const auto &[choice, text] : choices) {
        QAction *action = addAction(text);
        action->setCheckable(true);
        action->setChecked(choice == now);
        group->addAction(action);
        connect(action, &QAction::triggered, this, [settings, wanted = choice] {
            applyTheme(*qApp, wanted);
            if (settings)
                settings->setValue(Key, toText(wanted));
        });
    }
}

}  // namespace celldeck::ui
