//! Everything of one database into another one, of whichever kind: by the tables that are there, so that none is forgotten.

use super::database::{Connection, Pool, Row, Transaction, Value, query};
use super::{Store, StoreError};

/// Rows that are read at once: of the largest pictures that is 400 MB, of usual ones 10 MB.
const ROWS: i64 = 100;

/// A table, what it has, and by what its rows are told apart.
struct Table {
    name: String,
    columns: Vec<Column>,
    key: Vec<usize>,
}

struct Column {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Float,
    Boolean,
    Text,
    Bytes,
}

/// Tables in the order in which they were made: what they refer to comes first. Each with its columns, and places of them in the key (0: none).
const OF_A_FILE: &str = "SELECT m.name AS owner, c.name AS name, upper(c.type) AS kind, c.pk AS place
    FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> '_sqlx_migrations' ORDER BY m.rowid, c.cid";
const OF_A_SERVER: &str = "SELECT t.relname::TEXT AS owner, c.attname::TEXT AS name, upper(format_type(c.atttypid, NULL)) AS kind,
        coalesce(array_position(k.conkey, c.attnum), 0)::BIGINT AS place
    FROM pg_class AS t JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
        LEFT JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'p'
    WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace AND t.relname <> '_sqlx_migrations' ORDER BY t.oid, c.attnum";

impl Store {
    /// Copies everything into a database in which nothing is, all or none; tells how many rows of each table.
    ///
    /// # Errors
    /// What is wrong with either; the other one is as it was then.
    pub async fn copy_to(&self, target: &Store) -> Result<Vec<(String, u64)>, StoreError> {
        self.only_one().await?;
        target.only_one().await?;
        let tables = tables(&self.writing).await.map_err(|error| self.fault(&error))?;
        let theirs = tables_named(&target.writing).await.map_err(|error| target.fault(&error))?;
        if let Some(missing) = tables.iter().find(|table| !theirs.contains(&table.name)) {
            return Err(
                target.unfit(format!("it has no table {}; both must be of this version", missing.name))
            );
        }
        let mut line = target.line().await?;
        let done = self.copied(&mut line, &tables).await;
        match done {
            Err(Failed::Read(error)) => Err(self.fault(&error)),
            Err(Failed::NotEmpty(table)) => {
                Err(target.unfit(format!("something is in it already (table {table}); give an empty one")))
            }
            Err(Failed::Written(error)) => target.settle(line, Err(error)).await,
            Ok(counts) => target.settle(line, Ok(counts)).await,
        }
    }

    async fn copied(&self, line: &mut Connection, tables: &[Table]) -> Result<Vec<(String, u64)>, Failed> {
        let mut into = line.begin().await.map_err(Failed::Written)?;
        let mut counts = Vec::new();
        for table in tables {
            if !is_empty(&mut into, &table.name).await.map_err(Failed::Written)? {
                return Err(Failed::NotEmpty(table.name.clone()));
            }
            counts.push((table.name.clone(), self.rows(table, &mut into).await?));
            go_on_counting(&self.writing, &mut into, table).await?;
        }
        into.commit().await.map_err(Failed::Written)?;
        Ok(counts)
    }

    async fn rows(&self, table: &Table, into: &mut Transaction<'_>) -> Result<u64, Failed> {
        let (mut copied, mut last) = (0, None::<Row>);
        let insert = table.insert();
        loop {
            let select = table.select(last.is_some());
            let mut ask = query(&select);
            if let Some(row) = &last {
                for place in &table.key {
                    ask = ask.bind(table.columns[*place].of(row).map_err(Failed::Read)?);
                }
            }
            let rows = ask.fetch_all(&self.writing).await.map_err(Failed::Read)?;
            for row in &rows {
                let mut write = query(&insert);
                for column in &table.columns {
                    write = write.bind(column.of(row).map_err(Failed::Read)?);
                }
                write.execute(&mut **into).await.map_err(Failed::Written)?;
                copied += 1;
            }
            match rows.into_iter().next_back() {
                Some(row) => last = Some(row),
                None => return Ok(copied),
            }
        }
    }

    fn unfit(&self, reason: String) -> StoreError {
        StoreError::Unfit { database: self.address.to_string(), reason }
    }
}

enum Failed {
    Read(sqlx::Error),
    Written(sqlx::Error),
    NotEmpty(String),
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The next rows by the key, after one where there is one before.
    fn select(&self, after: bool) -> String {
        let key: Vec<&str> = self.key.iter().map(|place| self.columns[*place].name.as_str()).collect();
        let (names, table, key) = (self.names(), &self.name, key.join(", "));
        let marks = marks(self.key.len());
        let beyond = if after { format!("WHERE ({key}) > ({marks})") } else { String::new() };
        format!("SELECT {names} FROM {table} {beyond} ORDER BY {key} LIMIT {ROWS}")
    }

    fn insert(&self) -> String {
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.names(), marks(self.columns.len()))
    }
}

fn marks(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

impl Column {
    fn of<'r>(&self, row: &'r Row) -> sqlx::Result<Value<'r>> {
        let name = self.name.as_str();
        Ok(match self.kind {
            Kind::Integer => Value::Integer(row.try_get(name)?),
            Kind::Float => Value::Float(row.try_get(name)?),
            Kind::Boolean => Value::Boolean(row.try_get(name)?),
            Kind::Text => row.try_get::<Option<&str>, _>(name)?.into(),
            Kind::Bytes => Value::Bytes(row.try_get(name)?),
        })
    }
}

async fn tables(pool: &Pool) -> sqlx::Result<Vec<Table>> {
    let sql = match pool {
        Pool::Sqlite(_) => OF_A_FILE,
        Pool::Postgres(..) => OF_A_SERVER,
    };
    let mut tables: Vec<Table> = Vec::new();
    let mut places: Vec<(i64, usize)> = Vec::new();
    for row in query(sql).fetch_all(pool).await? {
        let (owner, name, kind): (String, String, String) =
            (row.try_get("owner")?, row.try_get("name")?, row.try_get("kind")?);
        if tables.last().is_none_or(|table| table.name != owner) {
            tables.push(Table { name: owner, columns: Vec::new(), key: Vec::new() });
            places.clear();
        }
        let Some(table) = tables.last_mut() else { continue };
        let place: i64 = row.try_get("place")?;
        if place > 0 {
            places.push((place, table.columns.len()));
            places.sort_unstable();
            table.key = places.iter().map(|(_, column)| *column).collect();
        }
        table.columns.push(Column { kind: known(&kind, &name)?, name });
    }
    Ok(tables)
}

fn known(kind: &str, column: &str) -> sqlx::Result<Kind> {
    Ok(match kind {
        "INTEGER" | "BIGINT" => Kind::Integer,
        "DOUBLE PRECISION" => Kind::Float,
        "BOOLEAN" => Kind::Boolean,
        "TEXT" => Kind::Text,
        "BLOB" | "BYTEA" => Kind::Bytes,
        other => {
            return Err(sqlx::Error::Decode(
                format!("column {column} is of a kind {other} that is not moved").into(),
            ));
        }
    })
}

async fn tables_named(pool: &Pool) -> sqlx::Result<Vec<String>> {
    Ok(tables(pool).await?.into_iter().map(|table| table.name).collect())
}

async fn is_empty(into: &mut Transaction<'_>, table: &str) -> sqlx::Result<bool> {
    let found = query(&format!("SELECT 1 FROM {table} LIMIT 1")).fetch_optional(&mut **into).await?;
    Ok(found.is_none())
}

/// Numbers go on where they were, also of rows that are gone: none is given twice.
async fn go_on_counting(from: &Pool, into: &mut Transaction<'_>, table: &Table) -> Result<(), Failed> {
    let numbered = table.key.len() == 1 && table.columns[table.key[0]].kind == Kind::Integer;
    if !numbered {
        return Ok(());
    }
    let (name, key) = (&table.name, &table.columns[table.key[0]].name);
    let given = match from {
        Pool::Sqlite(_) => "SELECT seq AS given FROM sqlite_sequence WHERE name = $1".to_owned(),
        Pool::Postgres(..) => format!(
            "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence($1, '{key}')::regclass), 0) AS given"
        ),
    };
    let given = query(&given).bind(name).fetch_optional(from).await.map_err(Failed::Read)?;
    let given: i64 = given.map_or(Ok(0), |row| row.try_get("given")).map_err(Failed::Read)?;
    let on = match **into {
        Connection::Sqlite(_) => {
            "UPDATE sqlite_sequence SET seq = CASE WHEN $2 > seq THEN $2 ELSE seq END WHERE name = $1"
                .to_owned()
        }
        Connection::Postgres(..) => format!(
            "SELECT setval(pg_get_serial_sequence($1, '{key}'), greatest($2, coalesce((SELECT max({key}) FROM {name}), 0), 1))"
        ),
    };
    query(&on).bind(name).bind(given).execute(&mut **into).await.map_err(Failed::Written)?;
    Ok(())
}
