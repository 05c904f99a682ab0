// The same graph by xyflow: its default nodes and bezier edges, its own defaults for everything.

import { Background, Controls, MiniMap, ReactFlow, useEdgesState, useNodesState } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { createRoot } from 'react-dom/client';

function Graph({ nodes, links }) {
  const [own, , onNodesChange] = useNodesState(nodes.map((node) => ({
    id: node.id, position: { x: node.x, y: node.y }, data: { label: node.label },
    sourcePosition: 'right', targetPosition: 'left', style: { width: 192, height: 104 },
  })));
  const [edges, , onEdgesChange] = useEdgesState(links.map((link) => ({
    id: `${link.from}-${link.to}`, source: link.from, target: link.to,
  })));
  return (
    <ReactFlow nodes={own} edges={edges} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange} minZoom={0.05} fitView>
      <Background />
      <Controls />
      <MiniMap />
    </ReactFlow>
  );
}

createRoot(document.getElementById('root')).render(<Graph {...window.graph} />);
