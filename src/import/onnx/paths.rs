//! From a graph to lists of layers: what runs side by side becomes branches, what is taken up again later a merge.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::graph::{Graph, Op, Work};
use super::item::{Entry, Id, Item, Joining};
use crate::config::Join;

/// Containers within containers that are followed.
const MAX_DEPTH: usize = 40;

/// Operations that are looked at at most: a thousand times those of the deepest published networks.
const MAX_LOOKS: usize = 1_000_000;

/// A walk from the input to the output.
pub(super) struct Walk<'a> {
    ops: &'a [Op],
    /// The operation that makes each value; nothing for the input.
    makers: Vec<Option<usize>>,
    /// The operations that take each value.
    users: Vec<Vec<usize>>,
    /// Values that have been made.
    done: HashSet<Id>,
    /// How many more operations are looked at: a graph whose ways cross may be walked more than once.
    looks: Cell<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        let mut makers = vec![None; graph.shapes.len()];
        let mut users = vec![Vec::new(); graph.shapes.len()];
        for (index, op) in graph.ops.iter().enumerate() {
            makers[op.output] = Some(index);
            for input in &op.inputs {
                if users[*input].last() != Some(&index) {
                    users[*input].push(index);
                }
            }
        }
        Self {
            ops: &graph.ops,
            makers,
            users,
            done: HashSet::from([0]),
            looks: Cell::new(MAX_LOOKS),
        }
    }

    /// Returns the layers from the input to a value.
    ///
    /// # Errors
    /// The reason why there is no such list, which names the node.
    pub(super) fn list(&mut self, end: Id) -> Result<Vec<Entry>, String> {
        let region = self.between(0, end, None);
        self.sequence(0, end, &region, 0)
    }

    /// Returns the operations on the ways from one value to another.
    fn between(&self, start: Id, end: Id, within: Option<&HashSet<usize>>) -> HashSet<usize> {
        let is_inside = |op: &usize| within.is_none_or(|within| within.contains(op));
        let mut back = HashSet::new();
        let mut open = vec![end];
        while let Some(value) = open.pop() {
            let maker = self.makers[value].filter(|maker| value != start && is_inside(maker));
            if let Some(maker) = maker.filter(|maker| back.insert(*maker)) {
                open.extend(&self.ops[maker].inputs);
            }
        }
        let mut region = HashSet::new();
        let mut open = vec![start];
        while let Some(value) = open.pop() {
            for user in self.users[value].iter().filter(|user| back.contains(user)) {
                if region.insert(*user) {
                    open.push(self.ops[*user].output);
                }
            }
        }
        self.look(back.len() + 1);
        region
    }

    fn look(&self, count: usize) {
        self.looks.set(self.looks.get().saturating_sub(count));
    }

    fn sequence(
        &mut self,
        start: Id,
        end: Id,
        region: &HashSet<usize>,
        depth: usize,
    ) -> Result<Vec<Entry>, String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "its ways are more than {MAX_DEPTH} deep within each other"
            ));
        }
        let mut entries = Vec::new();
        let mut at = start;
        while at != end {
            let users: Vec<usize> = self.users[at]
                .iter()
                .copied()
                .filter(|user| region.contains(user))
                .collect();
            if self.looks.get() == 0 {
                return Err("its ways cross too often".to_owned());
            }
            let next = match users[..] {
                [] => return Err("its output is not reached from its input".to_owned()),
                [only] => only,
                _ => {
                    let before = self.done.clone();
                    match self.side_ways(at, &users, region, depth) {
                        Ok((joined, end)) => {
                            entries.extend(joined);
                            at = end;
                            self.done.insert(at);
                            continue;
                        }
                        // On along the only way that does not join at once; the joints will take the value up again.
                        Err(reason) => {
                            self.done = before;
                            let joins =
                                |user: &usize| matches!(self.ops[*user].work, Work::Join(_));
                            let mut ways = users.iter().filter(|user| !joins(user));
                            match (ways.next(), ways.next()) {
                                (Some(only), None) => *only,
                                _ => return Err(reason),
                            }
                        }
                    }
                }
            };
            let op = &self.ops[next];
            match &op.work {
                Work::Items(items) => {
                    entries.extend(items.iter().map(|item| Entry::new(item.clone(), op)));
                }
                Work::Join(join) => entries.extend(self.joined(at, op, *join, region, depth)?),
            }
            at = op.output;
            self.done.insert(at);
        }
        Ok(entries)
    }

    /// Returns the layers of several ways from a value to where they meet, and what they make there.
    fn side_ways(
        &mut self,
        at: Id,
        users: &[usize],
        region: &HashSet<usize>,
        depth: usize,
    ) -> Result<(Vec<Entry>, Id), String> {
        let meeting = self.meeting(at, region).ok_or_else(|| {
            let names = users
                .iter()
                .map(|user| format!("`{}`", self.ops[*user].node));
            let names: Vec<String> = names.collect();
            let names = names.join(" and ");
            format!("the ways that begin with {names} do not meet in one node")
        })?;
        let op = &self.ops[meeting];
        let Work::Join(join) = op.work else {
            let node = &op.node;
            return Err(format!(
                "node `{node}`: several ways lead to it, and it joins none"
            ));
        };
        Ok((self.joined(at, op, join, region, depth)?, op.output))
    }

    /// Returns the first operation that all ways from a value lead through.
    fn meeting(&self, from: Id, region: &HashSet<usize>) -> Option<usize> {
        let users = |value: Id| {
            self.users[value]
                .iter()
                .filter(|user| region.contains(user))
        };
        let mut open: BTreeSet<usize> = users(from).copied().collect();
        // Nodes stand in an order in which each comes after what it takes.
        loop {
            let next = *open.first()?;
            if open.len() == 1 {
                return Some(next);
            }
            open.remove(&next);
            self.look(1);
            open.extend(users(self.ops[next].output));
        }
    }

    /// Makes branches or a merge of an operation that joins the ways from a value.
    fn joined(
        &mut self,
        from: Id,
        op: &'a Op,
        join: Joining,
        region: &HashSet<usize>,
        depth: usize,
    ) -> Result<Vec<Entry>, String> {
        if let Some(lists) = self.side_by_side(from, op, join, region, depth)? {
            let item = Item::Branches {
                lists,
                join,
                activation: None,
            };
            return Ok(vec![Entry::new(item, op)]);
        }
        // One way has the others' ends on it, or they were there before.
        let ways = op
            .inputs
            .iter()
            .map(|input| (*input, self.between(from, *input, Some(region))));
        let ways: Vec<(Id, HashSet<usize>)> = ways.collect();
        let reached =
            (0..ways.len()).filter(|index| ways[*index].0 == from || !ways[*index].1.is_empty());
        let main = reached
            .rev()
            .max_by_key(|index| ways[*index].1.len())
            .unwrap_or(0);
        let (end, way) = &ways[main];
        let mut entries = self.sequence(from, *end, way, depth + 1)?;
        let mut others = op.inputs.clone();
        others.remove(main);
        let Joining::Join(join) = join else {
            return Err(format!("node `{}` divides by what has other uses", op.node));
        };
        if join == Join::Concat && main != 0 {
            return Err(format!(
                "node `{}`: `merge` puts the value itself first, and it is not",
                op.node
            ));
        }
        if let Some(other) = others.iter().find(|other| !self.done.contains(other)) {
            let maker = self.makers[*other].map_or("", |maker| self.ops[maker].node.as_str());
            return Err(format!(
                "node `{}`: its ways, one from `{maker}`, cross",
                op.node
            ));
        }
        entries.push(Entry::new(Item::Merge { from: others, join }, op));
        Ok(entries)
    }

    /// Returns the layers of each way by itself, the first way first: those after it may take what it makes. Nothing if a way
    /// has nothing of its own.
    fn side_by_side(
        &mut self,
        from: Id,
        op: &'a Op,
        join: Joining,
        region: &HashSet<usize>,
        depth: usize,
    ) -> Result<Option<Vec<Vec<Entry>>>, String> {
        let mut whole = HashMap::new();
        for input in &op.inputs {
            whole.insert(*input, self.between(from, *input, Some(region)));
        }
        let mut order: Vec<usize> = (0..op.inputs.len()).collect();
        if matches!(join, Joining::Join(Join::Add | Join::Multiply)) {
            // The longest first, as is usual; the others may be shortcuts.
            order.sort_by_key(|index| std::cmp::Reverse(whole[&op.inputs[*index]].len()));
        }
        let mut left = region.clone();
        let mut ways = Vec::new();
        for index in &order {
            let input = op.inputs[*index];
            let way = self.between(from, input, Some(&left));
            if input != from && way.is_empty() {
                return Ok(None);
            }
            left.retain(|op| !way.contains(op));
            ways.push(way);
        }
        let mut lists = Vec::new();
        for (index, way) in order.iter().zip(&ways) {
            lists.push(self.sequence(from, op.inputs[*index], way, depth + 1)?);
        }
        Ok(Some(lists))
    }
}
