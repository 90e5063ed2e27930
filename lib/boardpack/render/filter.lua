-- The one filter of every report.
--
-- Under Quarto it lays out what Quarto does not know: cards, facts, charts that stay with their title.
-- Under plain pandoc it also does what Quarto would do by itself: callouts, layouts, content for one
-- format, page breaks, raw HTML tables and alternative text.

local under_quarto = quarto ~= nil
local to_html = FORMAT:match("html") ~= nil
local to_typst = FORMAT:match("typst") ~= nil

-- Spans that have a look of their own in the PDF: class -> function in report.typ.
local SPANS = {
  "n", "good", "bad", "warn", "met", "missed", "muted", "strong", "label", "no-value",
  "card-name", "card-value", "card-note", "card-label", "chart-title", "fact-name", "fact-value", "source-note",
  "formula", "remark-head", "remark-by", "decision-label",
}
local DIVS = {
  "lead", "message", "note", "source-note", "scorecard", "statement", "triangle", "register", "sign-off", "remark", "decision",
  "definitions",
}
local CALLOUT_TITLES = {
  note = "Note", tip = "Tip", warning = "Warning", important = "Important", caution = "Caution",
}

-- From so many characters on a word is broken where its place ends.
local LONG = 28

local function typst(text) return pandoc.RawBlock("typst", text) end
local function typst_inline(text) return pandoc.RawInline("typst", text) end

local function typst_string(text)
  return '"' .. text:gsub("[%c]", " "):gsub("\\", "\\\\"):gsub('"', '\\"') .. '"'
end

local function wrapped(call, blocks)
  local out = pandoc.Blocks({ typst(call .. "[") })
  out:extend(blocks)
  out:insert(typst("]"))
  return out
end

-- #name(arguments, [..], [..]) with one content block a cell.
local function call_with_cells(call, cells)
  local out = pandoc.Blocks({ typst("#" .. call) })
  for _, cell in ipairs(cells) do
    out:insert(typst("["))
    out:extend(cell)
    out:insert(typst("],"))
  end
  out:insert(typst(")"))
  return out
end

local function only_divs(blocks, class)
  return blocks:filter(function(block)
    return block.t == "Div" and block.classes:includes(class)
  end)
end

local function contents(blocks)
  return blocks:map(function(block) return block.content end)
end

local function cards(div)
  local columns = tonumber(div.attributes["layout-ncol"] or "") or 3
  div.attributes["layout-ncol"] = nil
  if to_typst then
    return call_with_cells("bp-cards(" .. columns .. ",", contents(only_divs(div.content, "card")))
  end
  div.attributes.style = "--columns: " .. columns
  return div
end

local function facts(div)
  local cells = pandoc.List()
  for _, block in ipairs(div.content) do
    if block.t == "BulletList" then
      cells:extend(block.content)
    end
  end
  return call_with_cells("bp-facts(", cells)
end

-- A tree is boxes within boxes: what is no node stands in the node itself, above its branches.
local function branches(node, depth)
  local own, below = pandoc.Blocks({}), pandoc.List()
  for _, block in ipairs(node.content) do
    if block.t == "Div" and block.classes:includes("node") then
      below:insert(branches(block, depth + 1))
    else
      own:insert(block)
    end
  end
  below:insert(1, own)
  return call_with_cells("bp-node(" .. depth .. ",", below)
end

local function tree(div)
  local out = pandoc.Blocks({ typst("#bp-tree[") })
  for _, block in ipairs(div.content) do
    if block.t == "Div" and block.classes:includes("node") then
      out:extend(branches(block, 0))
    else
      out:insert(block)
    end
  end
  out:insert(typst("]"))
  return out
end

-- `layout="[[2,1],[1]]"` and `layout-ncol=2` as rows of column weights; a negative weight is a gap.
local function layout_rows(div, count)
  local columns = tonumber(div.attributes["layout-ncol"] or "")
  if columns then
    local rows = {}
    for _ = 1, math.ceil(count / columns) do
      local row = {}
      for i = 1, columns do row[i] = 1 end
      table.insert(rows, row)
    end
    return rows
  end
  local rows = pandoc.json.decode(div.attributes.layout)
  if type(rows[1]) ~= "table" then rows = { rows } end
  return rows
end

local function layout(div)
  local cells = div.content:filter(function(block) return block.t ~= "Null" end)
  local rows = layout_rows(div, #cells)
  local out = pandoc.Blocks({})
  local at = 1
  for _, row in ipairs(rows) do
    local weights, row_cells = {}, pandoc.List()
    for _, weight in ipairs(row) do
      table.insert(weights, string.format("%gfr", math.abs(weight)))
      if weight < 0 then
        row_cells:insert(pandoc.Blocks({}))
      else
        row_cells:insert(pandoc.Blocks({ cells[at] }))
        at = at + 1
      end
    end
    if to_typst then
      local columns = "(" .. table.concat(weights, ", ") .. ",)"
      out:extend(call_with_cells("bp-row(" .. columns .. ",", row_cells))
    else
      local items = row_cells:map(function(blocks)
        return pandoc.Div(blocks, pandoc.Attr("", { "layout-cell" }))
      end)
      local style = "--columns: " .. table.concat(weights, " ")
      out:insert(pandoc.Div(items, pandoc.Attr("", { "layout-row" }, { style = style })))
    end
  end
  for i = at, #cells do out:insert(cells[i]) end
  if to_html then
    div.attributes["layout-ncol"], div.attributes.layout = nil, nil
  end
  div.content = out
  return div
end

local function callout(div, kind)
  local title = div.attributes.title or CALLOUT_TITLES[kind] or "Note"
  local first = div.content[1]
  local inlines = pandoc.Inlines({ pandoc.Str(title) })
  if not div.attributes.title and first and first.t == "Header" then
    inlines = first.content
    div.content:remove(1)
  end
  div.attributes.title = nil
  if to_typst then
    local out = pandoc.Blocks({ typst("#bp-callout(" .. typst_string(kind) .. ", [") })
    out:insert(pandoc.Plain(inlines))
    out:insert(typst("])["))
    out:extend(div.content)
    out:insert(typst("]"))
    return out
  end
  local heading = pandoc.Div(pandoc.Plain(inlines), pandoc.Attr("", { "callout-title" }))
  div.attributes.role = "note"
  div.classes:insert(1, "callout")
  div.content:insert(1, heading)
  return div
end

local function shows(element)
  local function matches(format)
    return (format == "html" and to_html) or (format == "typst" and to_typst)
  end
  local when, unless = element.attributes["when-format"], element.attributes["unless-format"]
  local applies = (not when or matches(when)) and (not unless or not matches(unless))
  if element.classes:includes("content-hidden") then return not applies end
  return applies
end

local function conditional(element)
  if element.classes:includes("content-visible") or element.classes:includes("content-hidden") then
    return shows(element) and element.content or {}
  end
end

local function length(text)
  if not text then return nil end
  local number, unit = text:match("^([%d.]+)([%a%%]*)$")
  if not number then return nil end
  if unit == "px" or unit == "" then return string.format("%gpt", tonumber(number) * 0.75) end
  return number .. unit
end

local function file_text(path)
  local handle = assert(io.open(path, "rb"), "the image " .. path .. " cannot be read")
  local text = handle:read("a")
  handle:close()
  return text
end

local function html_escaped(text)
  return (text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub('"', "&quot;"))
end

-- One file: drawings stand in the page itself, where they share its fonts; pictures become data URIs.
local function html_image(image, alt, width)
  local style = width and ' style="width: ' .. html_escaped(width) .. '"' or ""
  if image.src:match("%.svg$") then
    local attributes = ' class="picture" role="img" aria-label="' .. html_escaped(alt) .. '"' .. style
    local svg = file_text(image.src):gsub("<svg", function() return "<svg" .. attributes end, 1)
    return pandoc.RawInline("html", svg)
  end
  local mime, data = pandoc.mediabag.fetch(image.src)
  image.src = pandoc.mediabag.make_data_uri(mime, data)
  image.attributes.alt = alt
  return image
end

local function image(element)
  local alt = element.attributes["fig-alt"] or element.attributes.alt or ""
  if alt == "" then alt = pandoc.utils.stringify(element.caption) end
  local width = element.attributes.width
  if to_html then return html_image(element, alt, width) end
  local drawn = "image(" .. typst_string(element.src) .. ", alt: " .. typst_string(alt)
  local size = length(width)
  if not size then return typst_inline("#box(" .. drawn .. "))") end
  if size:match("%%$") then return typst_inline("#box(" .. drawn .. ", width: " .. size .. "))") end
  return typst_inline("#bp-fit(" .. size .. ", width => " .. drawn .. ", width: width))")
end

local function is_number(text)
  return text:match("^[%s%p%a]?[%s%p]*%d[%d%p%s]*%a*%s*%S?%S?$") ~= nil
end

-- Tables fill the page; the shares are those written, else they follow the longest text of each column.
local function column_widths(element)
  local count, total = #element.colspecs, 0
  for _, spec in ipairs(element.colspecs) do total = total + (spec[2] or 0) end
  local longest = {}
  for i = 1, count do longest[i] = 4 end
  local function measure(row)
    for i, cell in ipairs(row.cells) do
      local size = utf8.len(pandoc.utils.stringify(cell.contents)) or 4
      if longest[i] then longest[i] = math.max(longest[i], math.min(size, 40)) end
    end
  end
  if total == 0 then
    for _, row in ipairs(element.head.rows) do measure(row) end
    for _, body in ipairs(element.bodies) do
      for _, row in ipairs(body.body) do measure(row) end
    end
    for i = 1, count do total = total + longest[i] + 2 end
  end
  for i, spec in ipairs(element.colspecs) do
    local share = spec[2] or (longest[i] + 2)
    -- Typst would centre what has no alignment of its own.
    local side = spec[1] == "AlignDefault" and to_typst and "AlignLeft" or spec[1]
    element.colspecs[i] = { side, share / total }
  end
  return element
end

-- Figures of a raw HTML table stand to the right in the PDF, as they do on the page.
local function align_numbers(element)
  for i, spec in ipairs(element.colspecs) do
    local numeric, rows = true, 0
    for _, body in ipairs(element.bodies) do
      for _, row in ipairs(body.body) do
        local cell = row.cells[i]
        rows = rows + 1
        numeric = numeric and cell ~= nil and is_number(pandoc.utils.stringify(cell.contents))
      end
    end
    if spec[1] == "AlignDefault" and numeric and rows > 0 then
      element.colspecs[i] = { "AlignRight", spec[2] }
    end
  end
  return element
end

local function is_strong(cell)
  local first = cell.contents[1]
  return first ~= nil and first.content ~= nil and #first.content > 0 and first.content[1].t == "Strong"
end

local function is_empty(cell) return #cell.contents == 0 end

-- `heat-3` says how much a cell's figure is of the most: the whole cell takes the colour.
local function heat(cell)
  local first = cell.contents[1]
  local only = first and first.content and #first.content == 1 and first.content[1]
  if not only or only.t ~= "Span" then return end
  for _, class in ipairs(only.classes) do
    local step = class:match("^heat%-([0-5])$")
    if step then
      first.content = only.content
      cell.classes:insert(class)
      if to_typst then
        -- On the fill of a cell no colour of a judgement could be read.
        first.content = first.content:walk({ Span = function(span)
          if not span.classes:includes("n") then return span.content end
        end })
        cell.attributes["typst:fill"] = "bp-heat.at(" .. step .. ").fill"
        cell.attributes["typst:text:fill"] = "bp-heat.at(" .. step .. ").ink"
      end
    end
  end
end

local function has_long_word(cell)
  for word in pandoc.utils.stringify(cell.contents):gmatch("%S+") do
    if (utf8.len(word) or #word) > LONG then return true end
  end
  return false
end

-- What a row is: names of a group stand alone and bold, a total is bold throughout and comes last.
local function table_rows(element)
  local count, names, rows = #element.colspecs, true, 0
  for _, body in ipairs(element.bodies) do
    for at, row in ipairs(body.body) do
      local filled, strong = 0, true
      for _, cell in ipairs(row.cells) do
        if not is_empty(cell) then
          filled = filled + 1
          strong = strong and is_strong(cell)
        end
        heat(cell)
        if to_html and has_long_word(cell) then cell.classes:insert("long") end
      end
      local first = row.cells[1]
      if count > 2 and filled == 1 and strong and first and is_strong(first) and #row.cells == count then
        row.classes:insert("group")
        -- A column of row heads ends where the heads end: on a page the name runs on over empty cells.
        if to_typst then
          first.col_span = count
          first.attributes["typst:fill"] = "colors.wash"
          row.cells = { first }
        end
      elseif at == #body.body and at > 1 and strong and filled == count then
        row.classes:insert("total")
        if to_typst then
          for _, cell in ipairs(row.cells) do
            cell.attributes["typst:stroke"] = "(top: 0.8pt + colors.ink)"
          end
        end
      end
      if first and not row.classes:includes("group") then
        rows = rows + 1
        local said = pandoc.utils.stringify(first.contents)
        -- A period such as 2025-07 names its row, although it is made of digits.
        names = names and said ~= "" and (not is_number(said) or said:match("^%d+%-%w") ~= nil)
      end
    end
  end
  -- Those who hear a table need a name of every column, also of one that needs none to the eye.
  if to_html then
    for _, row in ipairs(element.head.rows) do
      for _, cell in ipairs(row.cells) do
        cell.attributes.scope = "col"
        if is_empty(cell) then
          cell.contents = { pandoc.Plain({ pandoc.Span({ pandoc.Str("Item") }, pandoc.Attr("", { "unseen" })) }) }
        end
      end
    end
  end
  -- The first column names its rows, to those who hear the table as well.
  if to_html and names and rows > 0 and count > 1 then
    for _, body in ipairs(element.bodies) do
      body.row_head_columns = 1
      for _, row in ipairs(body.body) do
        if row.cells[1] then row.cells[1].attributes.scope = "row" end
      end
    end
  end
  return element
end

-- A chart's raw HTML stays as it is; what an author writes raw is a table, and becomes one for both targets.
local function raw_block(element)
  if element.format == "html" and not element.text:match("^%s*<figure") then
    return pandoc.read(element.text, "html").blocks:walk({ Table = align_numbers })
  end
end

local function page_break(paragraph)
  if pandoc.utils.stringify(paragraph):match("^%s*{{<%s*pagebreak%s*>}}%s*$") then
    if to_typst then return typst("#bp-break") end
    return pandoc.Div({}, pandoc.Attr("", { "page-break" }))
  end
end

-- Where a line of content begins, Typst reads "= ", "- ", "+ ", "/ " and "1. " as markup. Pandoc guards
-- paragraphs; this guards what stands first in a span, a table cell or the title. What Typst would turn
-- into dashes and an ellipsis stays as it was written. A list without either is not handed back.
local function guarded(inlines)
  local out, starts, changed = pandoc.Inlines({}), true, false
  for _, inline in ipairs(inlines) do
    local text = inline.t == "Str" and inline.text or ""
    if starts and (text:match("^[=+/-]") or text:match("^%d+%.")) then
      out:insert(typst_inline("#none;"))
      changed = true
    end
    starts = inline.t == "LineBreak" or inline.t == "SoftBreak"
    if not (text:find("--", 1, true) or text:find("...", 1, true)) then
      out:insert(inline)
    else
      changed = true
      for plain, run in (text .. "\0"):gmatch("([^-.%z]*)([-.%z]*)") do
        if plain ~= "" then out:insert(pandoc.Str(plain)) end
        run = run:gsub("%z", "")
        if run ~= "" then out:insert(typst_inline((run:gsub("[-.]", "\\%0")))) end
      end
    end
  end
  return changed and out or nil
end

-- Typst breaks words at spaces only: a long one gets places where it may end a line.
local function long_word(element)
  if (utf8.len(element.text) or 0) <= LONG then return nil end
  local out, size = {}, 0
  for _, code in utf8.codes(element.text) do
    size = size + 1
    table.insert(out, utf8.char(code))
    if size % 8 == 0 then table.insert(out, utf8.char(0x200B)) end
  end
  element.text = table.concat(out)
  return element
end

local function span(element)
  for _, class in ipairs(SPANS) do
    if element.classes:includes(class) then
      local out = pandoc.Inlines({ typst_inline("#bp-" .. class .. "[") })
      out:extend(element.content)
      out:insert(typst_inline("]"))
      return out
    end
  end
end

-- A pass of its own: its children are counted while each of them is still one block.
local function layout_div(element)
  if element.classes:includes("cards") then return nil end
  if element.attributes["layout-ncol"] or element.attributes.layout then return layout(element) end
end

local function div(element)
  -- The PDF has a mark and a running head of its own, which are no part of what is read.
  if to_typst and (element.classes:includes("draft-mark") or element.classes:includes("draft-strip")) then
    return {}
  end
  if element.classes:includes("cards") then return cards(element) end
  if to_typst and element.classes:includes("chart") then
    return wrapped("#bp-chart", element.content)
  end
  if to_typst and element.classes:includes("facts") then return facts(element) end
  if to_typst and element.classes:includes("tree") then return tree(element) end
  if to_typst and element.classes:includes("definition") then
    local label = element.identifier ~= "" and " <" .. element.identifier .. ">" or ""
    local out = wrapped("#bp-definition", element.content)
    out[#out] = typst("]" .. label)
    return out
  end
  if not under_quarto then
    for kind, _ in pairs(CALLOUT_TITLES) do
      if element.classes:includes("callout-" .. kind) then return callout(element, kind) end
    end
  end
  if to_typst then
    for _, class in ipairs(DIVS) do
      if element.classes:includes(class) then return wrapped("#bp-" .. class .. "-block", element.content) end
    end
  end
end

local ALIGNS = { AlignLeft = "left", AlignRight = "right", AlignCenter = "center", AlignDefault = "auto" }

local function typst_cell(cell, before, after)
  local given = cell.col_span > 1 and { "colspan: " .. cell.col_span } or {}
  for name, value in pairs(cell.attributes) do
    local of_cell = name:match("^typst:([%w-]+)$")
    if of_cell then table.insert(given, of_cell .. ": " .. value) end
  end
  table.sort(given)
  local out = pandoc.Blocks({ typst(before .. "table.cell(" .. table.concat(given, ", ") .. ")[") })
  out:extend(cell.contents)
  out:insert(typst("]" .. after))
  return out
end

-- A table whose rows stand in groups, written as pandoc would but for the heads of the groups: those are
-- heads to Typst as well, which never leaves them alone at the foot of a sheet.
local function grouped_table(element)
  local grouped = false
  for _, body in ipairs(element.bodies) do
    for _, row in ipairs(body.body) do grouped = grouped or row.classes:includes("group") end
  end
  if not grouped then return nil end
  local widths, aligns = {}, {}
  for _, spec in ipairs(element.colspecs) do
    table.insert(aligns, ALIGNS[spec[1]])
    table.insert(widths, spec[2] and spec[2] > 0 and string.format("%.3f%%", 100 * spec[2]) or "auto")
  end
  local out = pandoc.Blocks({ typst(
    "#figure(align(center)[#table(columns: (" .. table.concat(widths, ", ") .. ",), align: ("
      .. table.concat(aligns, ", ") .. ",), table.header("
  ) })
  for _, row in ipairs(element.head.rows) do
    for _, cell in ipairs(row.cells) do out:extend(typst_cell(cell, "", ",")) end
  end
  out:insert(typst("), table.hline(),"))
  for _, body in ipairs(element.bodies) do
    for _, row in ipairs(body.body) do
      local is_head = row.classes:includes("group")
      for _, cell in ipairs(row.cells) do
        out:extend(is_head and typst_cell(cell, "bp-group-head(", "),") or typst_cell(cell, "", ","))
      end
    end
  end
  out:insert(typst(")], kind: table)"))
  return out
end

-- A table scrolls inside its frame on a phone, and the keyboard can reach it.
local function table_frame(element)
  if to_html then
    return pandoc.Div({ element }, pandoc.Attr("", { "table-scroll" }, { tabindex = "0" }))
  end
  local pictured = false
  element:walk({ RawInline = function(inline) pictured = pictured or inline.text:match("^#bp%-fit") ~= nil end })
  local written = grouped_table(element)
  if pictured then return wrapped("#bp-pictured", written or { element }) end
  return written
end

local function is_drawn(block)
  if block.t == "Table" then return true end
  if block.t ~= "Div" then return false end
  return block.classes:includes("chart") or block.classes:includes("cards")
    or block.classes:includes("scorecard") or block.classes:includes("statement") or block.classes:includes("triangle")
    or block.attributes["layout-ncol"] ~= nil or block.attributes.layout ~= nil
end

local function is_message(block)
  return block.t == "Div" and block.classes:includes("message")
end

-- The words between a heading and its first chart stay with the chart, as the heading stays with them; the
-- message above a table stays with the table.
local function keep_with_chart(document)
  if not to_typst then return nil end
  local out, waiting = pandoc.Blocks({}), nil
  local function release(sticky)
    for _, block in ipairs(waiting or {}) do
      if sticky then out:extend(wrapped("#block(sticky: true)", { block })) else out:insert(block) end
    end
    waiting = nil
  end
  for _, block in ipairs(document.blocks) do
    if waiting and (block.t == "Para" or is_message(block)) and #waiting < 2 then
      waiting:insert(block)
    elseif is_message(block) then
      release(false)
      waiting = pandoc.List({ block })
    else
      release(is_drawn(block))
      out:insert(block)
      if block.t == "Header" then waiting = pandoc.List() end
    end
  end
  release(false)
  document.blocks = out
  return document
end

-- The name of a KPI leads to its definition where the document has one.
local defined = {}

local function find_definitions(document)
  document:walk({ Div = function(element)
    if element.identifier:match("^def%-") then defined[element.identifier] = true end
  end })
end

local function kpi_name(element)
  if not element.classes:includes("kpi") then return nil end
  local place = "def-" .. (element.attributes["data-name"] or "")
  if not defined[place] then return element.content end
  return pandoc.Link(element.content, "#" .. place, "", pandoc.Attr("", { "kpi" }))
end

-- What a page has no need of is not asked for: to be asked about every word takes a while.
local words = to_typst and { Str = long_word } or {}
local guards = to_typst and { Inlines = guarded } or {}
local spans = to_typst and span or nil

if under_quarto then
  return {
    { Pandoc = find_definitions },
    { Table = table_rows },
    { Span = kpi_name },
    words,
    guards,
    { Pandoc = keep_with_chart },
    { Div = div, Span = spans, Table = column_widths },
  }
end
return {
  { Pandoc = find_definitions },
  { Div = conditional, Span = conditional },
  { RawBlock = raw_block, Para = page_break, Plain = page_break },
  { Table = table_rows },
  { Span = kpi_name },
  words,
  { Pandoc = keep_with_chart },
  guards,
  { Image = image, Table = column_widths, Div = layout_div },
  { Div = div, Span = spans, Table = table_frame },
}
