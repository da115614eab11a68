#pragma once

#include <QStyledItemDelegate>

namespace celldeck::ui {

/// Shows a task's state as icon and word in the state's colour: the model knows neither.
/// Owner: the table. Thread: GUI.
class StateDelegate final : public QStyledItemDelegate
{
    Q_OBJECT

public:
    using QStyledItemDelegate::QStyledItemDelegate;

protected:
    void initStyleOption(QStyleOptionViewItem *option, const QModelIndex &index) const override;
};

}  // namespace celldeck::ui
