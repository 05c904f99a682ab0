//! What must be known of a module before it is cut.

use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasmparser::{
    BinaryReader, CodeSectionReader, ElementItems, ExternalKind, FuncType, FunctionBody, Operator,
    Parser, Payload, TypeRef,
};

/// A module as far as cutting needs it.
#[derive(Default)]
pub(crate) struct Module<'a> {
    pub(crate) types: Vec<FuncType>,
    /// How many functions are imported; they come first in the numbering.
    pub(crate) imported: u32,
    /// Their types.
    pub(crate) imports: Vec<u32>,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    /// The type of each function that is not imported.
    pub(crate) of_type: Vec<u32>,
    pub(crate) tables: Vec<wasmparser::TableType>,
    pub(crate) globals: Vec<wasmparser::GlobalType>,
    pub(crate) memories: Vec<wasmparser::MemoryType>,
    /// Functions that are named outside of bodies: exports, tables, the start.
    pub(crate) named: Vec<u32>,
}

impl<'a> Module<'a> {
    /// Reads a module. Only functions may be imported.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Module<'a>, crate::Problem> {
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.take(payload?, bytes)?;
        }
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'a>, bytes: &'a [u8]) -> Result<(), crate::Problem> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    let types = group?.into_types();
                    self.types.extend(types.map(|one| one.unwrap_func().clone()));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let TypeRef::Func(of_type) = import.ty else {
                        return Err(format!("{} is imported, and no function", import.name).into());
                    };
                    self.imports.push(of_type);
                    self.imported += 1;
                }
            }
            Payload::FunctionSection(section) => {
                self.of_type = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(section) => {
                self.memories = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(global?.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.named.push(export.index);
                    }
                }
            }
            Payload::StartSection { func, .. } => self.named.push(func),
            Payload::ElementSection(section) => {
                for element in section {
                    if let ElementItems::Functions(functions) = element?.items {
                        for function in functions {
                            self.named.push(function?);
                        }
                    } else {
                        return Err("a table is filled by expressions".into());
                    }
                }
            }
            Payload::CodeSectionStart { range, .. } => {
                let reader = BinaryReader::new(&bytes[range.clone()], range.start);
                self.bodies =
                    CodeSectionReader::new(reader)?.into_iter().collect::<Result<_, _>>()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The functions that a body calls or names, in order.
    pub(crate) fn calls(&self, place: usize) -> Result<Vec<u32>, crate::Problem> {
        let mut out = Vec::new();
        for operator in self.bodies[place].get_operators_reader()? {
            match operator? {
                Operator::Call { function_index }
                | Operator::ReturnCall { function_index }
                | Operator::RefFunc { function_index } => out.push(function_index),
                _ => {}
            }
        }
        Ok(out)
    }

    /// The type that takes and gives nothing: its number, which may be one past the last.
    pub(crate) fn plain_type(&self) -> u32 {
        let plain = |one: &FuncType| one.params().is_empty() && one.results().is_empty();
        self.types.iter().position(plain).unwrap_or(self.types.len()) as u32
    }
}

/// The beginning of a body: its locals.
pub(crate) fn with_locals(body: &FunctionBody<'_>) -> Result<wasm_encoder::Function, Error> {
    RoundtripReencoder.new_function_with_parsed_locals(body)
}
