"""How a run's repository is tested, as far as its files tell."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("detected", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the version before."""
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("detected")
