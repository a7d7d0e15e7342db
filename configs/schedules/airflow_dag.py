"""earful by Airflow (2.10 or newer, 3 too): copy this into the folder of DAGs, adapt its paths.

Exit code 3 (done, but some rows were rejected) is a success; 4 (another run holds the lock) is
tried again, as any failure is: a run that is repeated changes nothing that is done already.
"""

from datetime import datetime, timedelta

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

EARFUL = "/srv/earful/.venv/bin/earful"
ENVIRONMENT = {"EARFUL_CONFIG": "/srv/earful/earful.toml", "EARFUL_LOG_FORMAT": "json"}

with DAG(
    dag_id="earful",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},
) as dag:
    run = BashOperator(
        task_id="run",
        bash_command=f"{EARFUL} run --lock-timeout 3600 || [ $? -eq 3 ]",
        env=ENVIRONMENT,
        append_env=True,
        execution_timeout=timedelta(hours=12),
    )
    deliver = BashOperator(
        task_id="deliver",
        bash_command=f"{EARFUL} actions deliver || [ $? -eq 3 ]",
        env=ENVIRONMENT,
        append_env=True,
    )
    check = BashOperator(
        task_id="check",
        bash_command=f"{EARFUL} status --check --max-age 26h",
        env=ENVIRONMENT,
        append_env=True,
        retries=0,
    )
    run >> deliver >> check
