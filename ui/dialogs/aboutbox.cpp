#include "ui/dialogs/aboutbox.h"

#include <QCoreApplication>
#include <QMessageBox>

#include "ui/theme.h"

namespace celldeck::ui {

void showAbout(QWidget *parent)
{
    auto *about = new QMessageBox(parent);
    about->setAttribute(Qt::WA_DeleteOnClose);
    about->setModal(false);
    about->setWindowTitle(QMessageBox::tr("About Celldeck"));
    about->setIconPixmap(applicationIcon().pixmap(96, 96));
    about->setText(
        QMessageBox::tr("<h3>Celldeck %1</h3>").arg(QCoreApplication::applicationVersion()));
    about->setInformativeText(
        QMessageBox::tr("Runs notebook cells for people and for AI agents, and never loses one.\n\n"
                        "Free software under the GNU GPL, version 3 or later."));
    about->show();
}

}  // namespace celldeck::ui
