//! The two parts of a module.
//!
//! A function of the rest that somebody outside the rest names is a *door*: the core keeps a
//! function in its place, which goes through a place in the table that the rest fills.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::reencode::{self, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    TableSection, TypeSection, ValType,
};

use crate::Problem;
use crate::module::{Module, with_locals};

/// The module whose exports the rest imports, as the rest calls it.
const CORE: &str = "c";

/// Both parts, and how many functions went where.
pub(crate) struct Parts {
    pub(crate) core: Vec<u8>,
    pub(crate) rest: Vec<u8>,
    pub(crate) kept: usize,
    pub(crate) moved: usize,
    pub(crate) doors: usize,
}

/// Cuts a module. `called` holds places of functions that stay, counted without imports.
pub(crate) fn cut(bytes: &[u8], called: &[u32]) -> Result<Parts, Problem> {
    let module = Module::read(bytes)?;
    let plan = Plan::new(&module, called)?;
    let mut core = wasm_encoder::Module::new();
    let mut writer = Core { plan: &plan, module: &module };
    utils::parse_core_module(&mut writer, &mut core, wasmparser::Parser::new(0), bytes)?;
    let kept = module.bodies.len() - plan.moved.len();
    let rest = Rest { plan: &plan, module: &module }.write()?;
    let (moved, doors) = (plan.moved.len(), plan.doors.len());
    Ok(Parts { core: core.finish(), rest, kept, moved, doors })
}

/// What goes where. Functions are named as in the module that is cut.
struct Plan {
    /// Functions of the rest, in order.
    moved: Vec<u32>,
    /// Those of them that others name, with their place among the doors.
    doors: BTreeMap<u32, u32>,
    /// Functions that the rest needs from the core.
    lent: Vec<u32>,
    /// New numbers in the core, for what the core still has.
    in_core: BTreeMap<u32, u32>,
    /// New numbers in the rest.
    in_rest: BTreeMap<u32, u32>,
    /// The table's size before, which is the place of the first door.
    first_door: u32,
    /// The number of the type without parameters and results.
    plain: u32,
    /// The global that says whether the rest is there.
    ready: u32,
}

impl Plan {
    fn new(module: &Module<'_>, called: &[u32]) -> Result<Plan, Problem> {
        let imported = module.imported;
        let kept: BTreeSet<u32> = called.iter().map(|place| place + imported).collect();
        let all = imported..imported + module.bodies.len() as u32;
        let (stay, moved): (Vec<u32>, Vec<u32>) = all.partition(|number| kept.contains(number));
        let is_moved = |number: &u32| *number >= imported && !kept.contains(number);
        let mut named: BTreeSet<u32> = module.named.iter().copied().filter(is_moved).collect();
        for number in &stay {
            let calls = module.calls((number - imported) as usize)?;
            named.extend(calls.into_iter().filter(is_moved));
        }
        let mut lent = BTreeSet::new();
        for number in &moved {
            let calls = module.calls((number - imported) as usize)?;
            lent.extend(calls.into_iter().filter(|number| !is_moved(number)));
        }
        let still = (imported..).take(module.bodies.len());
        let still = still.filter(|number| kept.contains(number) || named.contains(number));
        // One more import in front of the core's own functions: the loader.
        let in_core = (0..imported).map(|number| (number, number));
        let in_core = in_core.chain(still.zip(imported + 1..)).collect();
        let in_rest = lent.iter().chain(&moved).copied().zip(0..).collect();
        Ok(Plan {
            doors: named.into_iter().zip(0..).collect(),
            moved,
            lent: lent.into_iter().collect(),
            in_core,
            in_rest,
            first_door: u32::try_from(module.tables.first().ok_or("no table")?.initial)?,
            plain: module.plain_type(),
            ready: module.globals.len() as u32,
        })
    }
}

/// A function is named where none was expected.
#[derive(Debug)]
struct Lost(u32);

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "function {} is named where it was not expected", self.0)
    }
}

impl std::error::Error for Lost {}

type Error = reencode::Error<Lost>;

fn found(numbers: &BTreeMap<u32, u32>, number: u32) -> Result<u32, Error> {
    numbers.get(&number).copied().ok_or(Error::UserError(Lost(number)))
}

/// Writes the core.
struct Core<'a, 'b> {
    plan: &'a Plan,
    module: &'a Module<'b>,
}

impl Core<'_, '_> {
    /// A body that goes on to the rest.
    fn door(&self, number: u32, door: u32) -> Function {
        let of_type = self.module.of_type[(number - self.module.imported) as usize];
        let mut body = Function::new([]);
        body.instructions()
            .global_get(self.plan.ready)
            .i32_eqz()
            .if_(BlockType::Empty)
            .call(self.module.imported)
            .end();
        for place in 0..self.module.types[of_type as usize].params().len() as u32 {
            body.instructions().local_get(place);
        }
        body.instructions()
            .i32_const((self.plan.first_door + door) as i32)
            .call_indirect(0, of_type)
            .end();
        body
    }
}

impl Reencode for Core<'_, '_> {
    type Error = Lost;

    fn function_index(&mut self, number: u32) -> Result<u32, Error> {
        found(&self.plan.in_core, number)
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        add_plain(self.plan, self.module, types);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_import_section(self, imports, section)?;
        imports.import("split", "load", EntityType::Function(self.plan.plain));
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        for (number, of_type) in (self.module.imported..).zip(section) {
            let of_type = of_type?;
            if self.plan.in_core.contains_key(&number) {
                functions.function(of_type);
            }
        }
        Ok(())
    }

    fn parse_table_section(
        &mut self,
        tables: &mut TableSection,
        section: wasmparser::TableSectionReader<'_>,
    ) -> Result<(), Error> {
        for (place, table) in section.into_iter().enumerate() {
            let mut ty = self.table_type(table?.ty)?;
            if place == 0 {
                let more = self.plan.doors.len() as u64;
                ty.minimum += more;
                ty.maximum = ty.maximum.map(|most| most + more);
            }
            tables.table(ty);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        let ready = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(ready, &ConstExpr::i32_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_export_section(self, exports, section)?;
        exports.export("split.ready", ExportKind::Global, self.plan.ready);
        for place in 0..self.module.tables.len() as u32 {
            exports.export(&format!("t{place}"), ExportKind::Table, place);
        }
        exports.export("m0", ExportKind::Memory, 0);
        for place in 0..self.module.globals.len() as u32 {
            exports.export(&format!("g{place}"), ExportKind::Global, place);
        }
        for number in &self.plan.lent {
            let here = self.function_index(*number)?;
            exports.export(&format!("{number}"), ExportKind::Func, here);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        for (number, body) in (self.module.imported..).zip(section) {
            match self.plan.doors.get(&number) {
                Some(door) => drop(code.function(&self.door(number, *door))),
                None if self.plan.in_core.contains_key(&number) => {
                    utils::parse_function_body(self, code, body?)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Names and the like are not kept.
    fn parse_custom_section(
        &mut self,
        _: &mut wasm_encoder::Module,
        _: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// The type of the loader, when there is none like it yet.
fn add_plain(plan: &Plan, module: &Module<'_>, types: &mut TypeSection) {
    if plan.plain as usize == module.types.len() {
        types.ty().function([], []);
    }
}

/// Writes the rest.
struct Rest<'a, 'b> {
    plan: &'a Plan,
    module: &'a Module<'b>,
}

impl Reencode for Rest<'_, '_> {
    type Error = Lost;

    fn function_index(&mut self, number: u32) -> Result<u32, Error> {
        found(&self.plan.in_rest, number)
    }
}

impl Rest<'_, '_> {
    fn write(mut self) -> Result<Vec<u8>, Problem> {
        let (plan, module) = (self.plan, self.module);
        let mut types = TypeSection::new();
        for one in &module.types {
            types.ty().func_type(&RoundtripReencoder.func_type(one.clone())?);
        }
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        for number in &plan.moved {
            let place = (number - module.imported) as usize;
            functions.function(module.of_type[place]);
            let mut function = with_locals(&module.bodies[place])?;
            let mut reader = module.bodies[place].get_operators_reader()?;
            while !reader.eof() {
                function.instruction(&self.parse_instruction(&mut reader)?);
            }
            code.function(&function);
        }
        let places: Vec<u32> = plan.doors.keys().map(|number| plan.in_rest[number]).collect();
        let mut elements = ElementSection::new();
        let from = ConstExpr::i32_const(plan.first_door as i32);
        elements.active(None, &from, Elements::Functions(places.into()));
        let mut out = wasm_encoder::Module::new();
        out.section(&types).section(&self.imports()?).section(&functions);
        out.section(&elements).section(&code);
        Ok(out.finish())
    }

    fn imports(&self) -> Result<ImportSection, Problem> {
        let (plan, module) = (self.plan, self.module);
        let mut same = RoundtripReencoder;
        let mut imports = ImportSection::new();
        for number in &plan.lent {
            let of_type = match number.checked_sub(module.imported) {
                Some(place) => module.of_type[place as usize],
                None => module.imports[*number as usize],
            };
            imports.import(CORE, &format!("{number}"), EntityType::Function(of_type));
        }
        for (place, table) in module.tables.iter().enumerate() {
            let mut ty = same.table_type(*table)?;
            if place == 0 {
                let more = plan.doors.len() as u64;
                ty.minimum += more;
                ty.maximum = ty.maximum.map(|most| most + more);
            }
            imports.import(CORE, &format!("t{place}"), EntityType::Table(ty));
        }
        let memory = same.memory_type(module.memories[0])?;
        imports.import(CORE, "m0", EntityType::Memory(memory));
        for (place, global) in module.globals.iter().enumerate() {
            let ty = same.global_type(*global)?;
            imports.import(CORE, &format!("g{place}"), EntityType::Global(ty));
        }
        Ok(imports)
    }
}
