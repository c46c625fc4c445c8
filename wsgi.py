"""What gunicorn and the flask command load."""

from payments.app import create_app

app = create_app()
