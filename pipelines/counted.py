"""What counts: the queries that every figure is made of, so that none counts differently."""

from typing import Any

from sqlalchemy import func

from pipelines import tables

feedback, mention = tables.feedback.c, tables.mention.c

# Mentions with their feedback, without noise: copies, spam and the like count nowhere.
counted_mentions = tables.mention.join(tables.feedback, feedback.feedback_id == mention.feedback_id)
is_counted = feedback.noise_reason.is_(None)
# One voice counts once: the customer, else the author, else the feedback itself.
voice: Any = func.coalesce(feedback.customer_id, feedback.author_key, feedback.feedback_id)
