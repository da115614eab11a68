#pragma once

class QWidget;

namespace celldeck::ui {

/// Opens what there is to know of this version. Does not wait for its end. Thread: GUI.
void showAbout(QWidget *parent);

}  // namespace celldeck::ui
