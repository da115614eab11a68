#include "ui/widgets/statedelegate.h"

#include "ui/models/taskmodel.h"
#include "ui/theme.h"

namespace celldeck::ui {

void StateDelegate::initStyleOption(QStyleOptionViewItem *option, const QModelIndex &index) const
{
    QStyledItemDelegate::initStyleOption(option, index);
    const auto state = static_cast<storage::TaskState>(index.data(TaskModel::StateRole).toInt());
    const QColor colour = option->state.testFlag(QStyle::State_Selected)
                              ? option->palette.color(QPalette::HighlightedText)
                          : index.data(TaskModel::AsksRole).toBool()
                              ? attentionColour(option->palette)
                              : stateColour(state, option->palette);
    option->features |= QStyleOptionViewItem::HasDecoration;
    option->icon = themedIcon(iconNameOf(state), colour);
    option->decorationSize = QSize(16, 16);
    option->palette.setColor(QPalette::Text, colour);
}

}  // namespace celldeck::ui
