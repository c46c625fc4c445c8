"""`POST /api/payments/webhook`."""

from flask_smorest import Blueprint

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/payments")
