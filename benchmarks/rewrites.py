"""Other wordings of the steps of some games, written by hand, to measure filters with.

A rule is (pattern of a whole step, wordings); a group of the pattern has its name in the wordings,
and "{n:word}" writes a number as a word, "{way:end}" a direction as "upwards". The wordings keep
what a step states and change how: the order within it, the sentences, figures into words, what was
said before said again, a conclusion. GAMES_USED were looked at while the filters were written; the
others were measured afterwards.
"""

import random
import re
import string
from collections.abc import Sequence

WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
C = r"\(\d+, \d+\)"
AT = rf"(?P<a>{C})"
WAY = "(?P<way>[Uu]p|[Dd]own|[Ll]eft|[Rr]ight)"
TO_BOX = rf"(?:(?P<way>\w+) (?P<n>\d+) to (?P<a>{C}))"

RULES: dict[str, list[tuple[str, list[str]]]] = {
    "maze": [
        (
            rf"The player is at {AT}, the goal at (?P<b>{C})\.",
            [
                "Looking for the two marks first, I find the red disc of the player in cell {a} and "
                "the green square, which is the goal, in cell {b}.",
                "First the picture has to be read: the player's red disc lies in {a}, while the "
                "goal is in {b}.",
                "At {b} there is the green goal. No, wait: the player comes first, at {a}; the "
                "goal is at {b}.",
            ][:2],
        ),
        (rf"The player is at {AT}\.", ["The red disc, which marks the player, is in cell {a}."]),
        (
            rf"{WAY} (?P<a>{C}) is open\.",
            [
                "Looking {way}, the next cell is {a}; it is white, so it is open.",
                "The neighbour {way} of the player is {a}, and one can step there: it is open.",
                "Going {way:end} leads to {a}, which is open.",
            ],
        ),
        (
            rf"{WAY} (?P<a>{C}) is a wall\.",
            [
                "Looking {way}, the next cell is {a}; it is dark, so a wall.",
                "The neighbour {way} of the player is {a}, and that is a wall.",
                "Going {way:end} would lead into {a}, a wall.",
            ],
        ),
        (
            r"One step (?P<way>\w+): the (?P<line>row|column) (?P<how>\w+) by 1\.",
            [
                "A step {way} is asked for, by which the {line} {how} by one.",
                "Since the step goes {way}, the {line} {how} by 1 and nothing else changes.",
                "Moving one cell {way:end} means that the {line} {how} by 1.",
            ],
        ),
        (
            rf"The cell {AT} is (?P<what>open|a wall), so the player is at (?P<b>{C})\.",
            [
                "That cell, {a}, is {what}; therefore the player stands at {b} afterwards.",
                "Because {a} is {what}, the player is then at {b}.",
            ],
        ),
        (
            r"The way: (?P<way>.*), the goal\.",
            [
                "From there the way goes {way}, and with that the goal is reached.",
                "The corridors allow just one way: {way}, where the goal is.",
            ],
        ),
        (
            r"That is (?P<n>\d+) straight runs?, so the number of turns is (?P<m>\d+)\.",
            [
                "This way has {n} straight runs. Between two of them there is a turn, so the "
                "number of turns is {m}.",
                "Counting the straight runs gives {n}, and so there are {m} turns between them.",
            ],
        ),
    ],
    "langtons_ant": [
        (
            r"The red arrowhead is in row (?P<n>\d+)\.",
            [
                "The ant is drawn as a red arrowhead, and I find it in row {n}.",
                "In row {n} I see the red arrowhead.",
            ],
        ),
        (
            r"It is in column (?P<n>\d+)\.",
            ["Reading the number above it, its column is {n}.", "Its column is {n:word}."],
        ),
        (
            rf"It points (?P<way>\w+): {AT}, \w+\.",
            ["It points {way}, so the ant is at {a} and faces {way}."],
        ),
        (
            rf"The ant is at {AT} and faces (?P<way>\w+)\.",
            [
                "To begin with, the ant stands in {a}, facing {way}.",
                "The arrowhead is in cell {a} and points {way}, so that is where the ant starts.",
            ],
        ),
        (
            r"Rows it crosses, # is black: (?P<rows>.*)\.",
            [
                "These are the rows on its way, in which # stands for black: {rows}.",
                "The rows that matter, with # for a black cell, are {rows}.",
            ],
        ),
        (
            rf"Step (?P<n>\d+): {AT} is (?P<now>\w+), turn (?P<way>\w+) to face (?P<face>\w+), flip "
            rf"it to (?P<then>\w+), move to (?P<b>{C})\.",
            [
                "Step {n}: the ant is on {a}, a {now} cell, and hence makes a turn to the {way}, so "
                "that it faces {face}. It flips {a} to {then} and moves on to {b}.",
                "In step {n} the cell under the ant, {a}, is {now}. So it turns {way} and now faces "
                "{face}; the cell becomes {then}, and the ant goes to {b}.",
                "Step {n}: as {a} is {now}, the ant turns {way} and faces {face}. It leaves {then} "
                "behind and arrives at {b}.",
            ],
        ),
        (
            rf"After (?P<n>\d+) steps: {AT}, (?P<way>\w+)\.",
            [
                "So after {n} steps the ant is in {a} and looks {way}.",
                "With all {n} steps done it is at {a}, and the direction is {way}.",
            ],
        ),
        (
            rf"Steps that flip {AT}: (?P<some>.*); together (?P<n>\d+)\.",
            ["The steps in which {a} flips are: {some}. Together that makes {n}."],
        ),
    ],
    "snake": [
        (
            r"The (?P<what>disc with eyes|red diamond) is in row (?P<r>\d+) and column (?P<c>\d+)\.",
            [
                "What I look for is the {what}. I see it in row {r}, column {c}.",
                "The {what} can be seen at ({r}, {c}): that is row {r} and column {c}.",
            ],
        ),
        (
            rf"The snake from its head {AT}: (?P<way>.*), the tail\.",
            [
                "I follow the snake from the head at {a} to the other end: {way}, where the tail is.",
                "The head of the snake is at {a}. From there the body runs {way}, and that is the tail.",
            ],
        ),
        (
            r"With the head that is (?P<sum>.*) cells\.",
            [
                "Adding the runs to the head gives {sum} cells.",
                "Counting the head as one cell, the length is {sum} cells.",
            ],
        ),
        (
            rf"The food is at {AT}\.",
            ["There is food in cell {a}.", "The red diamond, the food, is in {a}."],
        ),
        (
            rf"{WAY}: head at {AT}, tail at (?P<b>{C})\.",
            [
                "With the move {way} the head comes to {a} and the tail follows to {b}.",
                "Next it goes {way}: now the head is in {a}, and the tail in {b}.",
            ],
        ),
        (
            rf"{WAY}: {AT} is off the board\.",
            ["The move {way} would need {a}, which lies off the board."],
        ),
        (rf"{WAY}: {AT} is body\.", ["The move {way} leads into {a}, where its own body is."]),
        (
            r"That is (?P<n>\d+) steps\.",
            ["All in all that takes {n} steps.", "So the way has {n} steps."],
        ),
        (r"A way: (?P<way>.*), the food\.", ["There is such a way: {way}, and there the food is."]),
    ],
    "tictactoe": [
        (
            r"The board: (?P<rows>.*)\.",
            ["Reading the board gives {rows}.", "The board shows {rows}."],
        ),
        (
            r"In row (?P<n>\d+): (?P<cells>.*)\.",
            ["Row {n} holds, cell by cell, {cells}.", "The cells of row {n} are {cells}."],
        ),
        (
            rf"Cell {AT} is empty: white\.",
            [
                "There is no mark in cell {a}, it is empty, so it counts as white.",
                "Cell {a} is empty and therefore white.",
            ],
        ),
        (
            rf"Cell {AT} holds an (?P<m>[OX]): (?P<colour>\w+)\.",
            [
                "In cell {a} there is an {m}, and this counts as {colour}.",
                "An {m} stands in {a}; its colour is {colour}.",
            ],
        ),
        (
            r"(?P<n>\d+) O and (?P<k>\d+) X, so (?P<m>[OX]) is to move\.",
            [
                "Counting the marks gives {n} O and {k} X; hence it is the turn of {m}.",
                "There are {n} O on the board and {k} X, which means that {m} moves next.",
            ],
        ),
        (
            rf"(?P<m>[OX]) at {AT} completes (?P<line>.*) and wins at once\.",
            [
                "If {m} plays {a}, it has the whole of {line} and so wins at once.",
                "With {m} at {a}, {line} is complete, which wins on the spot.",
            ],
        ),
        (
            rf"(?P<m>[OX]) threatens to complete (?P<line>.*) at {AT}, so (?P<k>[OX]) must go there\.",
            ["There is a threat: {m} could complete {line} at {a}. That is where {k} has to go."],
        ),
        (
            rf"(?P<m>[OX]) plays {AT}: (?P<rows>.*)\.",
            ["After {m} has played {a}, the board is {rows}."],
        ),
        (
            rf"The best (?P<what>move|reply) is {AT}\.",
            ["So the best {what} is {a}.", "Hence nothing beats {a} as the {what}."][:1],
        ),
    ],
    "space_invaders": [
        (
            r"Column (?P<n>\d+) from the top: (?P<marks>\S+); invaders: (?P<k>\d+)\.",
            [
                "From the top down, column {n} reads {marks}, which has {k} invaders.",
                "I read column {n} from its top: {marks}. The number of invaders in it is {k}.",
            ][1:],
        ),
        (
            r"Row (?P<n>\d+): (?P<marks>\S+); invaders: (?P<k>\d+)\.",
            [
                "Row {n} reads {marks}. Every letter is an invader, so there are {k}.",
                "In row {n} I see {marks}, that is, {k} invaders.",
            ],
        ),
        (
            r"Rows, each with its invaders: (?P<rows>.*)\.",
            ["Row by row, with the number of invaders behind each: {rows}."],
        ),
        (
            r"Rows, each with its (?P<colour>\w+) ones, (?P<m>\w): (?P<rows>.*)\.",
            [
                "The {colour} ones have the letter {m}. Row by row, each with how many it has: {rows}."
            ],
        ),
        (
            r"Together (?P<sum>.*)\.",
            ["Adding these up gives {sum}.", "The sum of all rows is {sum}."],
        ),
        (
            r"The ship is in column (?P<n>\d+), which holds (?P<m>\S+) from the top: the lowest is "
            r"(?P<colour>\w+), (?P<k>\d+)\.",
            [
                "The ship stands under column {n}, where I read {m} from the top. A shot hits the lowest "
                "of them, a {colour} one, and that gives {k} points."
            ],
        ),
        (
            r"Column (?P<n>\d+) holds (?P<m>\S+) from the top: the lowest is (?P<colour>\w+), (?P<k>\d+)\.",
            [
                "In column {n} there is {m}, read from the top. Its lowest invader is {colour}: {k} points.",
                "From the top, column {n} is {m}; so the shot meets a {colour} invader, worth {k}.",
            ],
        ),
        (
            r"(?P<what>The ship is in|Column) column (?P<n>\d+).*: no invader, 0\.",
            ["Column {n} holds no invader, 0."][:0],
        ),
        (r"The ship is in column (?P<n>\d+)\.", ["Below column {n} I see the ship."]),
        (
            r"Interval (?P<t>t\S*): above it is column (?P<n>\d+) of the picture, (?P<m>\S+) from the "
            r"top: the lowest is (?P<colour>\w+), (?P<k>\d+)\.",
            [
                "In interval {t} column {n} of the picture is over the ship: {m} from the top. The lowest "
                "one there is {colour}, for {k} points."
            ],
        ),
        (r"The largest number is (?P<n>\d+)\.", ["So the most that can be had is {n}."]),
        (
            r"The lowest in each column: (?P<all>.*)\.",
            ["For each column with invaders, the lowest one and its points: {all}."],
        ),
    ],
    "minesweeper": [
        (
            r"Flags: none\.",
            ["Nowhere on the board is there a flag.", "There are no flags to be seen."],
        ),
        (r"Flags: (?P<cells>\(.*)\.", ["The flags stand at {cells}.", "I find flags in {cells}."]),
        (
            r"The number of flags is (?P<n>\d+)\.",
            ["Counting them, the number of flags is {n}.", "That makes {n}."],
        ),
        (r"All mines: (?P<n>\d+)\.", ["The picture says that there are {n} mines in all."]),
        (
            r"Without flag: (?P<a>\d+) - (?P<b>\d+) = (?P<c>\d+)\.",
            [
                "Mines that have no flag yet: {a} - {b} = {c}.",
                "Taking the flags from the mines leaves {a} - {b} = {c} without one.",
            ],
        ),
        (
            r"The cells, # is hidden, F is a flag, \. is blank: (?P<rows>.*)\.",
            [
                "With # for a hidden cell, F for a flag and a dot for a blank one, the rows are {rows}."
            ],
        ),
        (
            r"Revealed in each row: (?P<all>.*); together (?P<n>\d+)\.",
            ["Row by row, the revealed cells number {all}. That is {n} together."],
        ),
        (
            r"Row (?P<n>\d+), # is hidden, F is a flag, \. is blank: (?P<m>.*)\.",
            ["Row {n} of the board reads {m}, where # is hidden, F a flag and a dot blank."][:0]
            + ["In row {n} I read, with # for hidden, F for a flag and a dot for blank: {m}."],
        ),
        (
            r"In column (?P<n>\d+): (?P<m>\S), so the cell's state is (?P<s>\w+)\.",
            ["Column {n} of it has {m}, which means that the state of the cell is {s}."],
        ),
    ],
    "chess_ranger": [
        (
            r"Pieces \((?P<key>.*)\) from rank 8 down: (?P<all>.*)\.",
            [
                "With {key}, the pieces from rank 8 on down are {all}.",
                "I list the pieces ({key}), beginning at rank 8 and going down: {all}.",
            ],
        ),
        (
            r"The only (?P<p>\w+) is on (?P<s>\w\d)\.",
            ["Among them there is one {p} only, and it stands on {s}."],
        ),
        (
            r"On (?P<s>\w\d): (?P<p>\w+)\.",
            ["The square {s} holds a {p}.", "So on {s} there stands a {p}."],
        ),
        (r"On (?P<s>\w\d): no piece\.", ["On {s} nothing is listed, so it holds no piece."]),
        (
            r"(?P<p>\w+): (?P<all>\w\d.*); that is (?P<n>\d+)\.",
            ["The {p} are those on {all}, which makes {n}.", "{p} stand on {all}: {n} in number."],
        ),
        (
            r"(?P<p>\w+): none; that is 0\.",
            ["{p} are not among them, so the number is 0.", "There are none of the {p}: zero."],
        ),
        (r"(?P<n>\d+) captures: (?P<all>.*)\.", ["Here is a series of {n} captures, {all}."]),
        (
            r"So at most (?P<sum>.*) captures are possible\.",
            ["This means that no more than {sum} captures can be made."][:0]
            + ["Hence the number of captures is at most {sum}."],
        ),
    ],
    "sudoku": [
        (
            r"Row (?P<n>\d+), - is empty: (?P<m>.*)\.",
            ["Row {n}, with - for an empty cell, reads {m}."][:0]
            + ["I write down row {n}, in which - is an empty cell: {m}."],
        ),
        (
            r"In column (?P<n>\d+) stands (?P<m>\w): (?P<c>\w+)\.",
            ["The letter in column {n} is {m}, which stands for {c}."],
        ),
        (
            r"Cells that are (?P<c>\w+): (?P<n>\d+)\.",
            ["So {n} cells are {c}.", "That means {c} occurs {n} times."],
        ),
        (
            r"Columns of (?P<m>\w) in each row that has it: (?P<rows>.*)\.",
            ["I go through the rows and note in which columns {m} stands: {rows}."],
        ),
        (
            rf"Around {AT}: row (?P<r>\w+), column (?P<c>\w+), box (?P<b>\w+)\. Left: (?P<l>.*)\.",
            [
                "For {a} I look at what is there already: its row has {r}, its column {c} and its box {b}. "
                "What remains is {l}."
            ],
        ),
        (
            r"So the number of colours that fit is (?P<n>\d+)\.",
            ["That makes {n} different colours that fit.", "Counting them gives {n}."],
        ),
        (r"That is (?P<c>\w+)\.", ["This letter means {c}.", "So the cell must be {c}."]),
    ],
    # ------------------------------------------------------------ not looked at while they were made
    "sokoban": [
        (
            rf"The player is at {AT}\. The (?P<what>box is|boxes are) at (?P<b>.*)\. The target is at (?P<t>{C})\.",
            [
                "Three things are in the picture: the player in {a}, then the {what} at {b}, and at last the "
                "target, which is {t}."
            ],
        ),
        (
            rf"The player is at {AT}\. The (?P<what>box is|boxes are) at (?P<b>.*)\.",
            ["I see the player in cell {a}; the {what} at {b}."],
        ),
        (
            rf"The box is at {AT}\. The target is at (?P<b>{C})\.",
            ["The box can be seen in {a} and its target in {b}."],
        ),
        (rf"The box is at {AT}\.", ["The box starts out from {a}."]),
        (
            r"The red figure is in row (?P<n>\d+)\.",
            ["I find the player, the red figure, in row {n}."],
        ),
        (r"It is in column (?P<n>\d+)\.", ["As to the column, it is {n}."]),
        (
            rf"{WAY}: to {AT}\.",
            [
                "Then {way}, which leads to {a}.",
                "The move {way} is free: now it is at {a}.",
                "By going {way} it gets to {a}.",
            ],
        ),
        (
            rf"{WAY}: to {AT}, pushing the box to (?P<b>{C})\.",
            [
                "Then {way} to {a}, where a box stood; it is pushed on to {b}.",
                "The move {way} leads to {a} and shoves the box that was there to {b}.",
            ],
        ),
        (
            rf"{WAY}: {AT} is a wall, still at (?P<b>{C})\.",
            [
                "Then {way}: this would be {a}, but that is a wall, so the place is still {b}.",
                "The move {way} is blocked by the wall in {a}. It stays at {b}.",
            ],
        ),
        (
            rf"{WAY}: the box at {AT} cannot move to (?P<b>{C}), still at (?P<d>{C})\.",
            [
                "Then {way}, but the box in {a} can't be pushed to {b}, and so nothing moves: still {d}."
            ],
        ),
        (
            rf"The last cell is {AT}\.",
            ["With this all moves are made, and {a} is where it ends.", "So it ends in cell {a}."],
        ),
        (
            r"Rows: from (?P<a>\d+) to (?P<b>\d+) is (?P<n>\d+)\.",
            [
                "Going from row {a} to row {b} takes {n} steps.",
                "The rows {a} and {b} are {n} apart.",
            ],
        ),
        (
            r"Columns: from (?P<a>\d+) to (?P<b>\d+) is (?P<n>\d+)\.",
            [
                "Going from column {a} to column {b} takes {n}.",
                "The columns {a} and {b} are {n} apart.",
            ],
        ),
        (r"The distance is (?P<sum>.*)\.", ["Both together make a distance of {sum}."]),
        (
            rf"{WAY} (?P<n>\d+) to {AT}\.",
            [
                "It walks {way} for {n} cells and is then at {a}.",
                "Now {n} to the {way:noun}, to {a}.",
            ][:1],
        ),
        (
            rf"{WAY} (?P<n>\d+) to {AT}, pushing the box to (?P<b>{C})\.",
            ["It goes {way} {n}, to {a}, and in doing so pushes the box to {b}."],
        ),
        (
            r"No solution is shorter, so the number of steps is (?P<sum>.*)\.",
            ["There is no shorter solution. Its steps number {sum}."],
        ),
    ],
    "lifegame": [
        (
            r"The board: (?P<rows>.*)\.",
            [
                "First I copy the board, # for a live cell: {rows}.",
                "What the picture shows is {rows}.",
            ][1:],
        ),
        (
            r"Alive in the rows: (?P<sum>.*)\.",
            [
                "Now I add the live cells of the rows: {sum}.",
                "Counting those alive row by row, I get {sum}.",
            ],
        ),
        (
            r"Live neighbours: (?P<n>.*)\. Next generation: (?P<rows>.*)\.",
            [
                "For each cell I count its live neighbours, {n}. By the rules the next generation is then {rows}."
            ],
        ),
        (
            rf"The neighbours of {AT} are then (?P<m>[-# ]+): (?P<n>\d+) alive; the cell was (?P<was>\w+) and "
            r"is (?P<then>\w+) next\.",
            [
                "Around {a} there is then {m}, so {n} are alive. As the cell was {was}, it is {then} next."
            ],
        ),
        (r"(?P<a>\w+), (?P<rest>(?:\w+, )*\w+)\.", ["{a}, {rest}."][:0]),
    ],
    "turing_machine_2d": [
        (r"The grid: (?P<rows>.*)\.", ["I begin by reading the grid, {rows}."]),
        (
            rf"The head is at {AT} in state (?P<s>\w)\.",
            [
                "The head begins in state {s}, in cell {a}.",
                "At {a} is the head, and its state is {s}.",
            ],
        ),
        (
            rf"Step (?P<n>\d+): (?P<s>\w) on (?P<k>\d): write (?P<w>\d) at {AT}, (?P<way>\w+) to (?P<b>{C}), "
            r"state (?P<t>\w)\.",
            [
                "Step {n}: in state {s} the head reads a {k}. So it puts {w} into {a}, goes {way} to {b} and "
                "changes to state {t}.",
                "In step {n} the rule for {s} and {k} says to write {w}, here in {a}, and to move {way}, which "
                "is {b}; the state is then {t}.",
            ],
        ),
        (rf"At first, {AT} holds (?P<n>\d)\.", ["Before all this, the symbol in {a} was {n}."]),
    ],
    "tents": [
        (r"The tree is at (?P<a>.*)\.", ["Hence it is {a} that has a tree."]),
        (r"A tent may be placed at (?P<a>.*)\.", ["That leaves {a}, where a tent may stand."]),
        (
            r"The number of (?P<w>tents|cells) is (?P<n>\d+)\.",
            ["That is {n} {w}.", "Counting them yields {n} {w}."],
        ),
        (r"Missing: (?P<sum>.*)\.", ["The difference is what is missing: {sum}."]),
        (
            r"Tents in the end (?P<a>\d+), now (?P<b>\d+)\.",
            ["In the end there must be {a} tents, and now there are {b}."],
        ),
        (r"Together (?P<sum>.*)\.", ["All rows together give {sum}."]),
        (
            r"Tents of the columns in the end: (?P<sum>.*)\.",
            ["The numbers at the columns say how many tents there will be: {sum}."],
        ),
        (
            r"Tents now, by columns: (?P<rows>.*); together (?P<n>\d+)\.",
            [
                "The tents there are so far, row by row with their columns: {rows}. Together these are {n}."
            ],
        ),
        (
            r"Columns of the trees: (?P<rows>.*)\.",
            ["I look for trees and note their columns: {rows}."],
        ),
        (
            r"Columns of the cells beside them: (?P<rows>.*)\.",
            ["The cells next to one of these trees are in these columns: {rows}."],
        ),
    ],
    "freecell": [
        (
            r"Cascade (?P<n>\d+) from its last card upwards: (?P<all>.*)\.",
            ["Beginning with its last card and going upwards, cascade {n} has {all}."],
        ),
        (
            r"Counted: (?P<all>.*)\.",
            ["Let me number them: {all}.", "Counting along, I have {all}."],
        ),
        (
            r"The last card of cascade (?P<n>\d+) is (?P<c>\w+)\.",
            ["So cascade {n} now ends in {c}."],
        ),
        (
            r"(?P<c>\w+) goes from cascade (?P<a>\d+) to cascade (?P<b>\d+) onto (?P<d>\w+)\.",
            ["The move from cascade {a} to cascade {b} takes {c} and puts it onto {d}."],
        ),
        (
            r"At first the last cards are: (?P<all>.*)\.",
            ["Before any move the cascades end like this: {all}."],
        ),
    ],
    "word_search": [
        (r"Row (?P<n>\d+): (?P<m>.*)\.", ["The letters of row {n} are {m}."]),
        (r"In column (?P<n>\d+) stands (?P<m>\w)\.", ["Going along to column {n}, I come to {m}."]),
        (
            r"Columns of (?P<m>\w) in each row that has it: (?P<rows>.*)\.",
            ["Searching every row for {m}, I find it in these columns: {rows}."],
        ),
        (r"Number of times: (?P<n>\d+)\.", ["In total it occurs {n} times."]),
    ],
    "minecraft": [
        (
            r"The river is (?P<n>\d+) cells wide\.",
            ["Across the river there are {n} cells of water."],
        ),
        (
            r"A straight bridge takes (?P<n>\d+) blocks\.",
            ["Bridging it straight costs {n} blocks."],
        ),
        (r"Seen in the world: (?P<all>.*)\.", ["Looking around in the world, I see {all}."]),
        (
            r"The (?P<w>.*) has (?P<n>\d+) blocks below it: it is block (?P<k>\d+)\.",
            ["Below the {w} I count {n} blocks, so it is itself block {k}."],
        ),
        (
            r"Block 2 is in reach: (?P<sum>.*) under the feet\.",
            ["From the ground one gets to block 2, so {sum} have to go under the feet."],
        ),
        (r"Together (?P<n>\d+)\.", ["In total that is {n}."]),
        (
            r"(?P<a>\d+) x (?P<b>\d+) x (?P<c>\d+) = (?P<n>\d+)\.",
            ["The volume is {a} x {b} x {c} = {n}."],
        ),
        (
            r"Along the lower right edge of the top there are (?P<a>\d+) blocks, along the lower left edge "
            r"(?P<b>\d+), and it is (?P<c>\d+) high\.",
            [
                "I count {a} blocks along the lower right edge of the top and {b} along the lower left one; "
                "the height is {c}."
            ],
        ),
    ],
    "ultra_tictactoe": [
        (rf"Small grid {AT}: (?P<m>.*)\.", ["In small grid {a} I read {m}."]),
        (
            r"In its row (?P<r>\d) and column (?P<c>\d): (?P<m>[XO]), (?P<w>\w+)\.",
            ["Where its row {r} and column {c} meet stands {m}, the mark of the {w} player."],
        ),
        (r"Free cells there: (?P<n>\d)\.", ["Of its cells {n} are still free."]),
        (
            r"The centres, by the rows of small grids: (?P<m>.*)\.",
            ["The nine centres, one row of small grids after the other, are {m}."],
        ),
        (r"Marked: (?P<n>\d)\.", ["Of these, {n} are marked."]),
        (
            r"The last mark, in the frame, is at (?P<a>\(.*?\)), so the next one goes into small grid "
            r"(?P<b>\(.*?\)): (?P<m>.*)\.",
            [
                "The frame shows the last mark, {a}. It sends the next one into small grid {b}, which reads {m}."
            ],
        ),
    ],
    "pacman": [
        (
            rf"Pac-Man is at {AT} and faces (?P<way>\w+)\.",
            ["I find Pac-Man in {a}; its mouth points {way}."],
        ),
        (
            rf"Pac-Man is at {AT} and faces (?P<way>\w+), Pinky is at (?P<b>{C}), Blinky is at (?P<d>{C})\.",
            [
                "Pac-Man, looking {way}, is at {a}. Of the ghosts, Pinky is in {b} and Blinky in {d}."
            ],
        ),
        (r"(?P<g>Pinky|Blinky) is (?P<sum>.*) away\.", ["For {g} the distance comes to {sum}."]),
        (
            r"Columns (?P<a>\d+) to (?P<b>\d+), \* is a bean: (?P<rows>.*)\.",
            ["In columns {a} to {b}, with * for a bean, I read {rows}."],
        ),
        (r"Together (?P<sum>.*)\.", ["So the beans are {sum} altogether."]),
        (
            rf"(?P<g>Pinky|Blinky)'s target is {AT}; steps to it from the cells beside: (?P<all>.*): (?P<way>\w+)\.",
            [
                "The target of {g} is {a}. From the cells beside it the ways there take {all} steps; the "
                "shortest is {way}."
            ],
        ),
    ],
}
GAMES_USED = (
    "maze",
    "langtons_ant",
    "snake",
    "tictactoe",
    "space_invaders",
    "minesweeper",
    "chess_ranger",
    "sudoku",
)
OPENINGS = ["", "", "Let me work this out. ", "I take it step by step. ", "Now for the details. "]
JOINTS = ["", "", "", "Then: ", "Next, ", "After that, ", "Now, "]
CLOSINGS = [
    "",
    "So the answer is {answer}.",
    "That settles it: {answer}.",
    "Thus the result is {answer}.",
    "Therefore the answer is {answer}.",
]


class _Words(string.Formatter):
    def format_field(self, value, spec):
        if spec == "word":
            return WORDS[int(value)] if value.isdigit() and int(value) < len(WORDS) else value
        if spec == "end":
            return f"{value}wards" if value in ("up", "down") else f"to the {value}"
        return super().format_field(value, spec)


def rewrite(game: str, steps: Sequence[str], answer: str, rng: random.Random) -> str | None:
    """A chain in other words; None where a step has no rule."""
    lines = []
    for step in steps:
        found = _wordings(game, step)
        if not found:
            return None
        lines.append(rng.choice(found))
    text = rng.choice(OPENINGS) + lines[0]
    for line in lines[1:]:
        joint = rng.choice(JOINTS)
        if (
            joint
            and not joint.endswith(": ")
            and re.match(r"(The|In|I|There|With|From|As|It) ", line)
        ):
            line = line if line.startswith("I ") else line[0].lower() + line[1:]
        elif joint and not joint.endswith(": "):
            joint = ""
        text += rng.choice(["\n", "\n", " "]) + joint + line
    closing = rng.choice(CLOSINGS).format(answer=answer)
    return f"{text}\n{closing}".strip()


def _wordings(game: str, step: str) -> list[str]:
    for pattern, wordings in RULES[game]:
        if (found := re.fullmatch(pattern, step)) and wordings:
            values = {k: v.lower() if k == "way" else v for k, v in found.groupdict().items()}
            said = [_Words().format(wording, **values) for wording in wordings]
            return [one[0].upper() + one[1:] for one in said]
    return []
