"""Residents that come back, roles that rest, and leases after which a model leaves."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    with op.batch_alter_table("lease", schema=None) as batch_op:
        column: sa.Column[bool] = sa.Column(
            "unload_after", sa.Boolean(), nullable=False, server_default=sa.false()
        )
        batch_op.add_column(column)
    with op.batch_alter_table("node_state", schema=None) as batch_op:
        batch_op.add_column(sa.Column("owed", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("idle", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("node_state", schema=None) as batch_op:
        batch_op.drop_column("idle")
        batch_op.drop_column("owed")
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.drop_column("unload_after")
