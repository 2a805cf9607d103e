"""What commands leave behind: pauses, wishes, first yeses, and who was heard how often."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OF_RUN = ("way", "question", "paused_by")


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "heard",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("heard", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_heard_login"), ["login"], unique=False)
    with op.batch_alter_table("run", schema=None) as batch_op:
        for name in _OF_RUN:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.add_column(sa.Column("comment", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("first_yes", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.drop_column("first_yes")
        batch_op.drop_column("comment")
    with op.batch_alter_table("run", schema=None) as batch_op:
        for name in _OF_RUN:
            batch_op.drop_column(name)
    op.drop_table("heard")
