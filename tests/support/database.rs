//! A second connection to the database of a station, for reading or for getting in its way.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row, query};

/// A second connection to a station's database.
pub struct Database {
    runtime: tokio::runtime::Runtime,
    connection: Beside,
}

enum Beside {
    File(SqliteConnection),
    Server(PgConnection),
}

impl Database {
    /// At a path, or at postgres://….
    pub fn open(address: &str) -> Database {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = match address.starts_with("postgres:") {
            true => {
                let file = address.split("password-file=").nth(1).unwrap();
                let password = std::fs::read_to_string(file).unwrap();
                let url = address.split('?').next().unwrap().parse::<PgConnectOptions>().unwrap();
                let options = url.password(password.trim_end());
                Beside::Server(runtime.block_on(options.connect()).unwrap())
            }
            false => {
                let options = SqliteConnectOptions::new().filename(address);
                Beside::File(runtime.block_on(options.connect()).unwrap())
            }
        };
        Database { runtime, connection }
    }

    /// Gets in the way of whoever writes, until [`Database::let_go`].
    pub fn hold(&mut self) {
        match &self.connection {
            Beside::File(_) => self.run("BEGIN IMMEDIATE"),
            Beside::Server(_) => {
                self.run("BEGIN");
                self.run("LOCK TABLE camera, alert, word IN EXCLUSIVE MODE");
            }
        }
    }

    pub fn let_go(&mut self) {
        self.run("COMMIT");
    }

    pub fn run(&mut self, sql: &str) {
        match &mut self.connection {
            Beside::File(own) => self.runtime.block_on(query(sql).execute(own)).map(|_| ()).unwrap(),
            Beside::Server(own) => self.runtime.block_on(query(sql).execute(own)).map(|_| ()).unwrap(),
        }
    }

    /// Life and number of every message of a table.
    pub fn numbers(&mut self, table: &str) -> Vec<(String, i64)> {
        let sql = format!("SELECT boot, seq FROM {table}");
        match &mut self.connection {
            Beside::File(own) => {
                let rows = self.runtime.block_on(query(&sql).fetch_all(own)).unwrap();
                rows.iter().map(|row| (row.get("boot"), row.get("seq"))).collect()
            }
            Beside::Server(own) => {
                let rows = self.runtime.block_on(query(&sql).fetch_all(own)).unwrap();
                rows.iter().map(|row| (row.get("boot"), row.get("seq"))).collect()
            }
        }
    }

    pub fn text(&mut self, sql: &str) -> String {
        self.texts(sql).swap_remove(0)
    }

    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        match &mut self.connection {
            Beside::File(own) => {
                let rows = self.runtime.block_on(query(sql).fetch_all(own)).unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Beside::Server(own) => {
                let rows = self.runtime.block_on(query(sql).fetch_all(own)).unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    pub fn count(&mut self, sql: &str) -> i64 {
        match &mut self.connection {
            Beside::File(own) => self.runtime.block_on(query(sql).fetch_one(own)).unwrap().get(0),
            Beside::Server(own) => self.runtime.block_on(query(sql).fetch_one(own)).unwrap().get(0),
        }
    }
}
