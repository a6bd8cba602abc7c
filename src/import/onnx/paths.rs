//! From a graph to lists of layers: what runs side by side becomes branches, what is taken up again later a merge.

use std::collections::HashSet;

use super::graph::{Graph, Op, Work};
use super::item::{Entry, Id, Item, Joining};
use crate::config::Join;

/// Containers within containers that are followed.
const MAX_DEPTH: usize = 48;

/// A walk from the input to the output.
pub(super) struct Walk<'a> {
    ops: &'a [Op],
    /// The operation that makes each value; nothing for the input.
    makers: Vec<Option<usize>>,
    /// The operations that take each value.
    users: Vec<Vec<usize>>,
    /// Values that have been made.
    done: HashSet<Id>,
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
        region
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
            let next = match users[..] {
                [] => return Err("its output is not reached from its input".to_owned()),
                [only] => only,
                _ => self.meeting(at, region).ok_or_else(|| {
                    let names: Vec<String> = users
                        .iter()
                        .map(|user| format!("`{}`", self.ops[*user].node))
                        .collect();
                    format!(
                        "the ways that begin with {} do not meet in one node",
                        names.join(" and ")
                    )
                })?,
            };
            let op = &self.ops[next];
            match &op.work {
                Work::Items(items) => {
                    if users.len() > 1 {
                        return Err(format!(
                            "node `{}`: several ways lead to it, and it joins none",
                            op.node
                        ));
                    }
                    entries.extend(items.iter().map(|item| Entry::new(item.clone(), op)));
                }
                Work::Join(join) => entries.extend(self.joined(at, op, *join, region, depth)?),
            }
            at = op.output;
            self.done.insert(at);
        }
        Ok(entries)
    }

    /// Returns the first operation that all ways from a value lead through.
    fn meeting(&self, from: Id, region: &HashSet<usize>) -> Option<usize> {
        let users = |value: Id| {
            self.users[value]
                .iter()
                .filter(|user| region.contains(user))
        };
        let mut reached: HashSet<Id> = HashSet::from([from]);
        let mut open: HashSet<usize> = users(from).copied().collect();
        // Nodes stand in an order in which each comes after what it takes.
        loop {
            let next = *open.iter().min()?;
            if open.len() == 1 && reached.len() > 1
                || open.len() == 1
                    && self.ops[next]
                        .inputs
                        .iter()
                        .filter(|input| **input == from)
                        .count()
                        > 1
            {
                return Some(next);
            }
            open.remove(&next);
            let output = self.ops[next].output;
            reached.insert(output);
            open.extend(users(output));
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
        let ways: Vec<HashSet<usize>> = op
            .inputs
            .iter()
            .map(|input| self.between(from, *input, Some(region)))
            .collect();
        let is_reached = |index: usize| op.inputs[index] == from || !ways[index].is_empty();
        let total: usize = ways.iter().map(HashSet::len).sum();
        let all: HashSet<usize> = ways.iter().flatten().copied().collect();
        if (0..ways.len()).all(is_reached) && total == all.len() {
            let mut lists = Vec::new();
            for (input, way) in op.inputs.iter().zip(&ways) {
                lists.push(self.sequence(from, *input, way, depth + 1)?);
            }
            let item = Item::Branches {
                lists,
                join,
                activation: None,
            };
            return Ok(vec![Entry::new(item, op)]);
        }
        // One way has the others' ends on it, or they were there before.
        let longest = (0..ways.len())
            .max_by_key(|index| ways[*index].len())
            .unwrap_or(0);
        let main = op.inputs[longest];
        let mut entries = self.sequence(from, main, &ways[longest], depth + 1)?;
        let mut others = op.inputs.clone();
        others.remove(longest);
        let Joining::Join(join) = join else {
            return Err(format!("node `{}` divides by what has other uses", op.node));
        };
        if join == Join::Concat && longest != 0 {
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
}
