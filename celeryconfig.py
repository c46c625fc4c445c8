"""Celery's settings, each with its reason; read by worker, beat and the web's producer."""

from kombu import Queue

from payments import jobs
from payments.config import load_or_exit
from payments.kit.redis_client import broker_tls

_settings = load_or_exit()

# Redis is a wake-up call: the database holds the work, so no result backend is needed.
broker_url = _settings.redis_url
# The same check of its certificate as everywhere else; kombu's own default is none at all.
broker_use_ssl = broker_tls(broker_url, _settings.redis_tls_verify)
result_backend = None
task_ignore_result = True

# A worker without -Q listens to every queue.
task_default_queue = jobs.RECONCILIATION
task_queues = [
    Queue(name)
    for name in (
        jobs.CHARGES,
        jobs.WEBHOOKS,
        jobs.DOCUMENTS,
        jobs.RECONCILIATION,
        jobs.RUNS,
        jobs.MAIL,
    )
]
task_routes = {name: {"queue": queue} for name, queue in jobs.QUEUE_OF.items()}

# Ids only, as JSON: nothing that can be executed ever comes out of Redis.
task_serializer = result_serializer = "json"
accept_content = ["json"]

# Acknowledged when it is done, so that a message outlives its worker: one whose pool process was
# killed is handed out again at once, one whose worker is gone after `visibility_timeout`. Run twice
# it does nothing the second time (worker/broker.py lets this survive a Redis that goes away).
task_acks_late = True
task_reject_on_worker_lost = True
# One message at a time, so that a slow PDF never sits on a charge.
worker_prefetch_multiplier = 1

# Longer than the longest task, or Redis would hand it out twice while it still runs.
# A task that moves money makes up to three calls of 80 s each to a slow Stripe.
task_soft_time_limit = 270
task_time_limit = 300
broker_transport_options = {
    "visibility_timeout": 600,
    # Look for lost messages every 5 s (the default scans every 100 s).
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # For worker and beat, whose connections wait by design; a request's enqueue has shorter ones.
    "socket_connect_timeout": 5,
    "socket_timeout": 10,
    "max_retries": 1,
}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A replica after a failover is read-only, a full Redis takes nothing: a worker outlives both.
# https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-channel-error-retry
broker_channel_error_retry = True
worker_cancel_long_running_tasks_on_connection_loss = False

# A guard, no remedy: 300 PDFs in one process took 95 MB after the first and 101 MB from the
# hundredth on. A child is replaced now and then all the same, and soon when one document was huge.
worker_max_tasks_per_child = 1000
worker_max_memory_per_child = 400_000  # KiB

# Our own JSON logging stays.
worker_hijack_root_logger = False
worker_send_task_events = False
timezone = "UTC"
enable_utc = True

beat_schedule_filename = str(_settings.data_dir / "celerybeat-schedule")
