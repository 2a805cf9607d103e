"""Leases on models, and the state of nodes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "lease",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("beat_at", sa.Float(), nullable=False),
        sa.Column("held_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("refusal", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lease_job"), ["job"], unique=False)
        batch_op.create_index(batch_op.f("ix_lease_node"), ["node"], unique=False)

    op.create_table(
        "node_state",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("tenure_since", sa.Float(), nullable=False),
        sa.Column("means", sa.JSON(), nullable=False),
        sa.Column("switch", sa.JSON(), nullable=True),
        sa.Column("switch_id", sa.String(), nullable=False),
        sa.Column("switch_beat_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )


def downgrade() -> None:
    """Go back to the version before."""
    op.drop_table("node_state")
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lease_node"))
        batch_op.drop_index(batch_op.f("ix_lease_job"))

    op.drop_table("lease")
