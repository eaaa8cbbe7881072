//! A table as a Parquet file: one row group, optional columns, no compression.

use super::table::{Column, Type};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Schema;
use serde_json::Value;
use std::sync::Arc;

/// The bytes of the file.
///
/// # Panics
/// Never: a vector takes what is written, and the schema is made from the columns.
pub(super) fn bytes(columns: &[Column]) -> Vec<u8> {
    write(columns).expect("columns that fit their own schema, written to memory")
}

fn write(columns: &[Column]) -> Result<Vec<u8>> {
    let fields = columns.iter().map(field).collect::<Result<Vec<_>>>()?;
    let schema = Schema::group_type_builder("trial").with_fields(fields).build()?;
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(WriterProperties::new()))?;
    let mut group = file.next_row_group()?;
    for column in columns {
        match column.r#type {
            Type::Text => column_of::<ByteArrayType>(&mut group, column, |value| value.as_str().map(ByteArray::from))?,
            Type::Whole => column_of::<Int64Type>(&mut group, column, Value::as_i64)?,
            Type::Float => column_of::<DoubleType>(&mut group, column, Value::as_f64)?,
            Type::Flag => column_of::<BoolType>(&mut group, column, Value::as_bool)?,
        }
    }
    group.close()?;
    file.close()?;
    Ok(bytes)
}

fn field(column: &Column) -> Result<Arc<Schema>> {
    let (physical, logical) = match column.r#type {
        Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Whole => (Physical::INT64, None),
        Type::Float => (Physical::DOUBLE, None),
        Type::Flag => (Physical::BOOLEAN, None),
    };
    let builder = Schema::primitive_type_builder(&column.name, physical).with_repetition(Repetition::OPTIONAL);
    Ok(Arc::new(builder.with_logical_type(logical).build()?))
}

/// Writes a column of one physical type; definition level 0 marks a missing value.
fn column_of<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    column: &Column,
    value: impl Fn(&Value) -> Option<T::T>,
) -> Result<()> {
    let values: Vec<T::T> = column.values.iter().filter_map(&value).collect();
    let levels: Vec<i16> = column.values.iter().map(|v| i16::from(value(v).is_some())).collect();
    let mut writer = group.next_column()?.expect("as many columns as the schema has fields");
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    writer.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::json;
    use std::io::Write;

    #[test]
    fn a_parquet_file_holds_every_value_of_the_table_and_none_where_there_is_none() {
        let largest = 9_007_199_254_740_991_i64;
        let column = |name: &str, r#type, values| Column { name: name.into(), r#type, values };
        let table = [
            column("cell", Type::Text, vec![json!("elman"), Value::Null, json!("größer")]),
            column("seed", Type::Whole, vec![json!(largest), json!(-1), Value::Null]),
            column("lr", Type::Float, vec![Value::Null, json!(0.1), json!(1e-300)]),
            column("solved", Type::Flag, vec![json!(true), Value::Null, json!(false)]),
        ];
        let wanted = [
            vec![Field::Str("elman".into()), Field::Long(largest), Field::Null, Field::Bool(true)],
            vec![Field::Null, Field::Long(-1), Field::Double(0.1), Field::Null],
            vec![Field::Str("größer".into()), Field::Null, Field::Double(1e-300), Field::Bool(false)],
        ];
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes(&table)).expect("writable");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), wanted.len(), "rows");
        for (row, wanted) in rows.iter().zip(&wanted) {
            let names: Vec<_> = row.get_column_iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["cell", "seed", "lr", "solved"], "columns in order");
            assert_eq!(&row.get_column_iter().map(|(_, field)| field.clone()).collect::<Vec<_>>(), wanted);
        }
    }
}
